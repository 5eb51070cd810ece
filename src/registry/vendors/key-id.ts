/** A name for a public key that anybody can make from the key itself. */
import { createHash, type KeyObject } from "node:crypto";

/** `ed25519:` and the first 16 hexadecimal digits of the SHA-256 of the key as SPKI DER. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: "spki", format: "der" });
  return `ed25519:${createHash("sha256").update(der).digest("hex").slice(0, 16)}`;
}

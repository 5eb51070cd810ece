/** Ed25519 over the canonical JSON of a verdict. */
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { SignedVerdict, Verdict } from "../catalog/types.ts";
import { canonicalJson } from "./canonical-json.ts";

export function signWith(privateKey: KeyObject, keyId: string, verdict: Verdict): SignedVerdict {
  const value = sign(null, Buffer.from(canonicalJson(verdict)), privateKey).toString("base64");
  return { verdict, signature: { keyId, value } };
}

/** @param publicKey SPKI PEM. @returns false also for what is no key or no signature at all */
export function verifyVerdict({ verdict, signature }: SignedVerdict, publicKey: string): boolean {
  try {
    const key = createPublicKey(publicKey);
    const value = Buffer.from(signature.value, "base64");
    return (
      key.asymmetricKeyType === "ed25519" &&
      verify(null, Buffer.from(canonicalJson(verdict)), key, value)
    );
  } catch {
    return false;
  }
}

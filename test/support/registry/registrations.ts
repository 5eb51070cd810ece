/** Artifacts by number: the same bytes in every process. */
import { createHash } from "node:crypto";
import { Random } from "../../../models/make/random.ts";

export const MODELS = 7;

export const modelNameOf = (n: number) => `model-${n % MODELS}`;

export function bytesOf(n: number): Uint8Array {
  const random = new Random(n + 1);
  const bytes = Buffer.alloc(1000 + random.integer(200_000));
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(random.bits(), at);
  return bytes;
}

const digests = new Map<number, string>();

export function digestFor(n: number): string {
  const known = digests.get(n);
  if (known !== undefined) return known;
  const digest = `sha256:${createHash("sha256").update(bytesOf(n)).digest("hex")}`;
  digests.set(n, digest);
  return digest;
}

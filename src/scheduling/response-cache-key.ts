/** What tells two requests to one model apart, as far as the answer goes, in 32 bytes. */
import { createHash } from "node:crypto";
import type { InferRequest } from "../inference/request.ts";

/**
 * Id, priority and time-out do not count. A cryptographic hash, where Triton
 * takes 64 bits: nobody can make a request that gets the answer of another.
 * @param owner number of the loaded version: another load gives other keys
 */
export function cacheKey(owner: number, request: InferRequest): string {
  const { inputs, outputs, parameters } = request;
  const shapes = inputs.map(({ index, shape, data }) => [index, shape, data.byteLength]);
  const named = [...(parameters ?? [])].map(([key, { type, value }]) => [key, type, String(value)]);
  const hash = createHash("sha256");
  // The header says how many bytes follow, so that no two requests hash the same bytes.
  hash.update(JSON.stringify([owner, outputs, shapes, named]));
  for (const { data } of inputs) for (const piece of data.pieces) hash.update(piece);
  return hash.digest("base64");
}

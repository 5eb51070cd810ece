/** How large the tensors of a request are. */
import type { InferRequest } from "./request.ts";

export function requestBytes({ inputs }: InferRequest): number {
  let bytes = 0;
  for (const { data } of inputs) bytes += data.byteLength;
  return bytes;
}

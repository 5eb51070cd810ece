/** How large tensors are that came with a request, or go with an answer. */
import type { InferRequest, OutputTensor } from "./request.ts";

export function requestBytes({ inputs }: InferRequest): number {
  let bytes = 0;
  for (const { data } of inputs) bytes += data.byteLength;
  return bytes;
}

export function outputBytes(outputs: readonly OutputTensor[]): number {
  let bytes = 0;
  for (const { data } of outputs) bytes += data.byteLength;
  return bytes;
}

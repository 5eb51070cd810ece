/** A ModelInferRequest with one input, as a load client sends it. */
import { encodeInferRequest } from "../../src/grpc/codec/encode-request.ts";

/** @returns the message without gRPC's prefix. */
export function inferMessage(
  model: string,
  input: string,
  shape: readonly number[],
  values: Float32Array | Int16Array,
  datatype = "FP32",
): Buffer {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const pieces = { byteLength: data.byteLength, pieces: [data] };
  const tensor = { name: input, datatype, shape, parameters: undefined, data: pieces };
  const inputs = [tensor];
  return encodeInferRequest(
    { model, version: "", id: "", parameters: undefined, inputs, outputs: [] },
    0,
  );
}

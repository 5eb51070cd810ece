/**
 * A raw binary request: `Inference-Header-Content-Length: 0`, and the whole body is the one
 * input of the model. Name, datatype and shape come from the model's configuration.
 */
import { StatusError } from "../../errors.ts";
import { elementSizeBytes } from "../../inference/datatypes.ts";
import type { ModelSignature, Pieces, WireRequest } from "../../inference/request.ts";

/** Of a request without an id, as Triton starts its sentences. */
const PREFIX = "[request id: <id_unknown>] ";

/** @throws StatusError INVALID_ARGUMENT with Triton's text, where the configuration does not determine one tensor */
export function readRawRequest(
  body: Pieces,
  signature: ModelSignature,
  version: string,
): WireRequest {
  const { name: model, inputs, maxBatchSize } = signature;
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    throw invalid(
      `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${model}' model configuration`,
    );
  }
  const { name, datatype } = input;
  const free = input.shape.filter((axis) => axis === -1).length;
  if (free > 1) {
    throw invalid(
      `The shape of the raw input '${name}' can not be deduced because there are more than one variable-sized dimension`,
    );
  }
  const elements = input.shape.reduce(
    (product, axis) => (axis === -1 ? product : product * axis),
    1,
  );
  if (datatype === "BYTES" && (free > 0 || elements !== 1)) {
    throw invalid(`For BYTE datatype raw input '${name}', the model must have input shape [1]`);
  }
  // What does not divide evenly is found when the bytes are checked against the shape.
  const rest = Math.floor(body.byteLength / Math.max(1, elements * elementSizeBytes(datatype)));
  const row = input.shape.map((axis) => (axis === -1 ? rest : axis));
  const shape = maxBatchSize > 0 ? [1, ...row] : row;
  const data = datatype === "BYTES" ? lengthPrefixed(body) : body;
  return {
    model,
    version,
    id: "",
    parameters: undefined,
    inputs: [{ name, datatype, shape, parameters: undefined, data }],
    outputs: [],
    dataError: undefined,
  };
}

function lengthPrefixed(body: Pieces): Pieces {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.byteLength);
  return { byteLength: length.byteLength + body.byteLength, pieces: [length, ...body.pieces] };
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", PREFIX + text);
}

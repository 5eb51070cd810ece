/**
 * ModelInferResponse to the wire: the exact size first, one allocation, each raw
 * tensor copied once. Outputs always go as `raw_output_contents`, as Triton sends them.
 */
import { StatusError } from "../../errors.ts";
import type { InferResponse, OutputTensor, Parameters } from "../../inference/request.ts";
import { MAX_BYTES } from "./limits.ts";
import { parametersSize, writeParameters } from "./parameters.ts";
import { responseParametersSize, writeResponseParameters } from "./response-parameters.ts";
import {
  bytesFieldSize,
  shapeBytes,
  textFieldSize,
  writeFieldHead,
  writeShapeField,
  writeTextField,
} from "./write.ts";

/**
 * @param headroom bytes left free in front, for the prefix of a gRPC message
 * @throws StatusError INVALID_ARGUMENT where the response is larger than gRPC can carry
 */
export function encodeInferResponse(response: InferResponse, headroom: number): Buffer {
  const size = responseBytes(response, undefined);
  checkSize(size);
  const message = Buffer.allocUnsafe(headroom + size);
  writeResponse(message, headroom, response, undefined);
  return message;
}

/** One response of a stream. @param more parameters behind those of the response: `triton_final_response` */
export function encodeStreamResponse(
  response: InferResponse,
  headroom: number,
  more?: Parameters,
): Buffer {
  const inner = responseBytes(response, more);
  checkSize(inner);
  const message = Buffer.allocUnsafe(headroom + bytesFieldSize(inner));
  writeResponse(message, writeFieldHead(message, headroom, 0x12, inner), response, more);
  return message;
}

/** An error that leaves the stream open. @param request what it is about: its id, and what is known of the model */
export function encodeStreamError(
  errorMessage: string,
  request: Pick<InferResponse, "model" | "version" | "id">,
  headroom: number,
  parameters?: Parameters,
): Buffer {
  const response = { ...request, outputs: [] };
  const inner = responseBytes(response, parameters);
  const message = Buffer.allocUnsafe(
    headroom + textFieldSize(errorMessage) + bytesFieldSize(inner),
  );
  const at = writeTextField(message, headroom, 0x0a, errorMessage);
  writeResponse(message, writeFieldHead(message, at, 0x12, inner), response, parameters);
  return message;
}

function checkSize(size: number): void {
  if (size <= MAX_BYTES) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `Response has byte size ${size} which exceeds gRPC's byte size limit ${MAX_BYTES}.`,
  );
}

function responseBytes(response: InferResponse, more: Parameters | undefined): number {
  let size =
    textFieldSize(response.model) +
    textFieldSize(response.version) +
    textFieldSize(response.id) +
    responseParametersSize(response) +
    parametersSize(more);
  for (const output of response.outputs) {
    size += bytesFieldSize(outputBytes(output)) + bytesFieldSize(output.data.byteLength);
  }
  return size;
}

/** Bytes of an InferOutputTensor, its data not among them. */
function outputBytes(output: OutputTensor): number {
  const shape = shapeBytes(output.shape);
  return (
    textFieldSize(output.name) +
    textFieldSize(output.datatype) +
    (shape === 0 ? 0 : bytesFieldSize(shape)) +
    parametersSize(output.parameters)
  );
}

function writeResponse(
  target: Buffer,
  offset: number,
  response: InferResponse,
  more: Parameters | undefined,
): void {
  let at = writeTextField(target, offset, 0x0a, response.model);
  at = writeTextField(target, at, 0x12, response.version);
  at = writeTextField(target, at, 0x1a, response.id);
  at = writeResponseParameters(target, at, response);
  at = writeParameters(target, at, 0x22, more);
  for (const output of response.outputs) {
    at = writeFieldHead(target, at, 0x2a, outputBytes(output));
    at = writeTextField(target, at, 0x0a, output.name);
    at = writeTextField(target, at, 0x12, output.datatype);
    at = writeShapeField(target, at, 0x1a, output.shape);
    at = writeParameters(target, at, 0x22, output.parameters);
  }
  for (const { data } of response.outputs) {
    at = writeFieldHead(target, at, 0x32, data.byteLength);
    target.set(data, at);
    at += data.byteLength;
  }
}

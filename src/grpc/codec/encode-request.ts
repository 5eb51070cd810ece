/** ModelInferRequest to the wire, as a client sends it: for the load generator and for tests. */
import { copyPieces } from "../../inference/pieces.ts";
import type { WireInput, WireOutput, WireRequest } from "../../inference/request.ts";
import { parametersSize, writeParameters } from "./parameters.ts";
import {
  bytesFieldSize,
  shapeBytes,
  textFieldSize,
  writeFieldHead,
  writeShapeField,
  writeTextField,
} from "./write.ts";

/** Inputs with data go as `raw_input_contents`. @param headroom bytes left free in front */
export function encodeInferRequest(
  request: Omit<WireRequest, "dataError">,
  headroom: number,
): Buffer {
  const message = Buffer.allocUnsafe(headroom + requestBytes(request));
  let at = writeTextField(message, headroom, 0x0a, request.model);
  at = writeTextField(message, at, 0x12, request.version);
  at = writeTextField(message, at, 0x1a, request.id);
  at = writeParameters(message, at, 0x22, request.parameters);
  for (const input of request.inputs) {
    at = writeFieldHead(message, at, 0x2a, inputBytes(input));
    at = writeTextField(message, at, 0x0a, input.name);
    at = writeTextField(message, at, 0x12, input.datatype);
    at = writeShapeField(message, at, 0x1a, input.shape);
    at = writeParameters(message, at, 0x22, input.parameters);
  }
  for (const output of request.outputs) {
    at = writeFieldHead(message, at, 0x32, requestedOutputBytes(output));
    at = writeTextField(message, at, 0x0a, output.name);
    at = writeParameters(message, at, 0x12, output.parameters);
  }
  for (const { data } of request.inputs) {
    if (data === undefined) continue;
    at = writeFieldHead(message, at, 0x3a, data.byteLength);
    at = copyPieces(data, message, at);
  }
  return message;
}

function requestBytes(request: Omit<WireRequest, "dataError">): number {
  let size =
    textFieldSize(request.model) +
    textFieldSize(request.version) +
    textFieldSize(request.id) +
    parametersSize(request.parameters);
  for (const input of request.inputs) {
    size += bytesFieldSize(inputBytes(input));
    if (input.data !== undefined) size += bytesFieldSize(input.data.byteLength);
  }
  for (const output of request.outputs) size += bytesFieldSize(requestedOutputBytes(output));
  return size;
}

function inputBytes(input: WireInput): number {
  const shape = shapeBytes(input.shape);
  return (
    textFieldSize(input.name) +
    textFieldSize(input.datatype) +
    (shape === 0 ? 0 : bytesFieldSize(shape)) +
    parametersSize(input.parameters)
  );
}

function requestedOutputBytes(output: WireOutput): number {
  return textFieldSize(output.name) + parametersSize(output.parameters);
}

/**
 * The body of an infer request as a `WireRequest`: a JSON header, and behind it the raw bytes of
 * the tensors that it announces. Raw tensors become views of what arrived. Triton's texts, in
 * Triton's order.
 */
import { StatusError } from "../../errors.ts";
import { elementSizeBytes, shapeText } from "../../inference/datatypes.ts";
import { joinPieces, NO_BYTES } from "../../inference/pieces.ts";
import type {
  Parameter,
  Parameters,
  Pieces,
  WireInput,
  WireOutput,
  WireRequest,
} from "../../inference/request.ts";
import { sharedRangeOf } from "../../inference/shared-memory.ts";
import { arrayMember, asBool, asString, asUint64, member, stringMember } from "../json-value.ts";
import { parseJson } from "../parse-json.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ALL_JSON, type OutputForm, type OutputForms } from "./output-form.ts";
import { readRequestParametersJson } from "./read-parameters.ts";
import { readTensorJson } from "./read-tensor.ts";

/** As over gRPC: far beyond any model. */
const MAX_TENSORS = 4096;
const MAX_RANK = 64;
const LARGEST = 2n ** 63n - 1n;

export interface RequestPlace {
  readonly model: string;
  /** Empty for "the newest ready one". */
  readonly version: string;
  /** `--http-max-input-size`: what one tensor in JSON may be. */
  readonly maxInputBytes: number;
}

export interface InferBody {
  readonly wire: WireRequest;
  readonly outputs: OutputForms;
}

/**
 * @param jsonBytes length of the JSON header, at most that of the body
 * @throws StatusError
 */
export function readInferRequest(body: Pieces, jsonBytes: number, place: RequestPlace): InferBody {
  const cursor = new ByteCursor(body);
  const json = parseJson(joinPieces(cursor.take(jsonBytes)));
  const id = requestId(json);
  const { parameters, binaryByDefault } = readRequestParametersJson(member(json, "parameters"));
  const listed = arrayMember(json, "inputs");
  if (listed.length > MAX_TENSORS) throw invalid(`the request has more than ${MAX_TENSORS} inputs`);
  const inputs = listed.map((input) => readInput(input, cursor, place));
  if (cursor.left > 0) {
    throw invalid(`unexpected additional input data for model '${place.model}'`);
  }
  const outputs: WireOutput[] = [];
  const forms: OutputForm[] = [];
  if (member(json, "outputs") !== undefined) {
    const wanted = arrayMember(json, "outputs");
    if (wanted.length > MAX_TENSORS) {
      throw invalid(`the request has more than ${MAX_TENSORS} outputs`);
    }
    for (const output of wanted) readOutput(output, outputs, forms);
  }
  const { model, version } = place;
  return {
    wire: { model, version, id, parameters, inputs, outputs, dataError: undefined },
    outputs:
      binaryByDefault || forms.length > 0
        ? { forms, otherwise: otherwise(binaryByDefault) }
        : ALL_JSON,
  };
}

function otherwise(binary: boolean): OutputForm {
  return binary ? "binary" : "json";
}

/** @param json the document of a request */
export function requestId(json: unknown): string {
  const id = member(json, "id");
  return id === undefined ? "" : asString(id, "Unable to parse 'id'");
}

function readInput(input: unknown, cursor: ByteCursor, place: RequestPlace): WireInput {
  const given = member(input, "parameters");
  const size = member(given, "binary_data_size");
  const region = member(given, "shared_memory_region");
  const data = member(input, "data");
  if (
    Number(data !== undefined) + Number(size !== undefined) + Number(region !== undefined) !==
    1
  ) {
    throw notOneContent(data, size, region);
  }
  const name = stringMember(input, "name");
  const datatype = stringMember(input, "datatype");
  const shape = readShape(input);
  if (size !== undefined) {
    const taken = takeBinary(size, name, cursor, place.model);
    return { name, datatype, shape, parameters: undefined, data: taken };
  }
  if (region !== undefined) {
    const parameters = sharedParameters(given);
    const shared = sharedRangeOf(name, parameters);
    if (shared instanceof StatusError) throw shared;
    return { name, datatype, shape, parameters, data: undefined, shared };
  }
  const fromJson = readData(input, name, datatype, shape, place);
  return { name, datatype, shape, parameters: undefined, data: fromJson };
}

function notOneContent(data: unknown, size: unknown, region: unknown): StatusError {
  const set = [
    ...(data === undefined ? [] : [" 'data'"]),
    ...(size === undefined ? [] : [" 'binary_data_size'"]),
    ...(region === undefined ? [] : [" 'shared_memory_region'"]),
  ];
  const found = set.length === 0 ? " no field is set" : ` set${set.join("")}`;
  return invalid(
    `Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But${found}`,
  );
}

function readShape(input: unknown): readonly number[] {
  const dimensions = arrayMember(input, "shape");
  if (dimensions.length > MAX_RANK) {
    throw invalid(`the request has more than ${MAX_RANK} dimensions in one shape`);
  }
  return dimensions.map((dimension) => {
    const size = asUint64(dimension, "Unable to parse 'shape'");
    return typeof size === "number" ? size : Number.MAX_SAFE_INTEGER;
  });
}

function takeBinary(size: unknown, name: string, cursor: ByteCursor, model: string): Pieces {
  const byteLength = Number(asUint64(size, "Unable to parse 'binary_data_size'"));
  if (byteLength <= cursor.left) return cursor.take(byteLength);
  throw invalid(
    `unexpected size for input '${name}', expecting ${byteLength - cursor.left} additional bytes for model '${model}'`,
  );
}

function readData(
  input: unknown,
  name: string,
  datatype: string,
  shape: readonly number[],
  { maxInputBytes }: RequestPlace,
): Pieces {
  // A shape without axes counts as nothing, too: Triton's way.
  if (shape.length === 0 || shape.includes(0)) return NO_BYTES;
  const elements = shape.reduce((product, axis) => product * axis, 1);
  const elementBytes = Math.max(1, elementSizeBytes(datatype));
  if (elements * elementBytes > Number.MAX_SAFE_INTEGER) {
    requireCountable(name, shape, elementBytes);
  }
  const data = arrayMember(input, "data");
  const byteLength = elements * elementBytes;
  if (byteLength > maxInputBytes && datatype !== "BYTES")
    throw tooLarge(name, byteLength, maxInputBytes);
  const bytes = readTensorJson(name, datatype, data, elements);
  if (bytes.byteLength > maxInputBytes) throw tooLarge(name, bytes.byteLength, maxInputBytes);
  return bytes;
}

function requireCountable(name: string, shape: readonly number[], elementBytes: number): void {
  const elements = shape.reduce((product, axis) => product * BigInt(axis), 1n);
  if (elements > LARGEST) {
    throw invalid(
      `invalid shape for input '${name}': shape ${shapeText(shape)} causes total element count to exceed maximum size of ${LARGEST}`,
    );
  }
  if (elements > LARGEST / BigInt(elementBytes)) {
    throw invalid(
      `byte size overflow for input '${name}': element count (${elements}) * data type size (${elementBytes}) exceeds maximum allowed size (${LARGEST})`,
    );
  }
}

function tooLarge(name: string, byteLength: number, maxInputBytes: number): StatusError {
  return invalid(
    `JSON input '${name}' has a byte_size (${byteLength} bytes) that exceeds the maximum allowed value of ${maxInputBytes} bytes. Use --http-max-input-size to increase the limit.`,
  );
}

function readOutput(output: unknown, outputs: WireOutput[], forms: OutputForm[]): void {
  const given = member(output, "parameters");
  const shared = member(given, "shared_memory_region") !== undefined;
  const binary = member(given, "binary_data");
  const classes = member(given, "classification");
  if (shared && classes !== undefined) {
    throw invalid("Output can't set both 'shared_memory_region' and 'classification'");
  }
  if (shared && binary !== undefined && asBool(binary, "Unable to set 'binary_data'")) {
    throw invalid("Output can't set both 'shared_memory_region' and 'binary_data'");
  }
  const name = stringMember(output, "name");
  const parameters = new Map<string, Parameter>(sharedParameters(given));
  if (classes !== undefined) {
    const value = asUint64(classes, "Unable to set 'classification'");
    if (value > 0) parameters.set("classification", { type: "int64", value });
  }
  outputs.push({ name, parameters: parameters.size === 0 ? undefined : parameters });
  if (shared) forms.push("shared");
  else {
    forms.push(otherwise(binary !== undefined && asBool(binary, "Unable to parse 'binary_data'")));
  }
}

/** Where a tensor lies in shared memory, in the parameters that gRPC's clients send for it. */
function sharedParameters(given: unknown): Parameters | undefined {
  const region = member(given, "shared_memory_region");
  if (region === undefined) return undefined;
  const where = "Unable to parse 'shared_memory_region'";
  const parameters = new Map<string, Parameter>([
    ["shared_memory_region", { type: "string", value: asString(region, where) }],
  ]);
  for (const key of ["shared_memory_offset", "shared_memory_byte_size"]) {
    const value = member(given, key);
    // Both default to 0 over HTTP.
    const size = value === undefined ? 0 : asUint64(value, `Unable to parse '${key}'`);
    parameters.set(key, { type: "int64", value: size });
  }
  return parameters;
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}

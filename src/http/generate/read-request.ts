/**
 * A generate request, a flat JSON object: a member named like an input is that input, every other
 * one is a parameter. Shapes come from the model's configuration. Triton's rules and texts.
 */
import { StatusError } from "../../errors.ts";
import { elementSizeBytes } from "../../inference/datatypes.ts";
import { NO_BYTES } from "../../inference/pieces.ts";
import type {
  ClientTensorSpec,
  ModelSignature,
  Parameter,
  WireInput,
  WireRequest,
} from "../../inference/request.ts";
import { customParameter } from "../infer/read-parameters.ts";
import { requestId } from "../infer/read-request.ts";
import { readTensorJson } from "../infer/read-tensor.ts";
import { isObject, type JsonObject, jsonError } from "../json-value.ts";

const PARAMETERS = "parameters";

/** @throws StatusError */
export function readGenerateRequest(
  json: unknown,
  signature: ModelSignature,
  version: string,
  maxInputBytes: number,
): WireRequest {
  if (!isObject(json)) throw jsonError("", "attempt to get members for non-object");
  const id = requestId(json);
  const reader = new MemberReader(signature, maxInputBytes);
  for (const [name, value] of Object.entries(json)) {
    if (name === PARAMETERS) readNested(value, signature, reader);
    else reader.read(name, value);
  }
  return {
    model: signature.name,
    version,
    id,
    parameters: reader.parameters.size === 0 ? undefined : reader.parameters,
    inputs: reader.inputs,
    outputs: [],
    dataError: undefined,
  };
}

function readNested(value: unknown, { inputs }: ModelSignature, reader: MemberReader): void {
  if (inputs.some(({ name }) => name === PARAMETERS)) {
    throw invalid(`Keyword '${PARAMETERS}' for nested schema also given as input tensor name`);
  }
  if (!isObject(value)) {
    const where = `Expected JSON object for keyword: '${PARAMETERS}'`;
    throw jsonError(where, "attempt to access JSON non-object as object");
  }
  try {
    readAll(value, reader);
  } catch (thrown) {
    if (!(thrown instanceof StatusError)) throw thrown;
    throw new StatusError(thrown.code, `Converting keyword: '${PARAMETERS}': ${thrown.message}`);
  }
}

function readAll(members: JsonObject, reader: MemberReader): void {
  for (const [name, value] of Object.entries(members)) reader.read(name, value);
}

class MemberReader {
  readonly inputs: WireInput[] = [];
  readonly parameters = new Map<string, Parameter>();
  readonly #specs: ReadonlyMap<string, ClientTensorSpec>;
  readonly #batched: boolean;
  readonly #maxInputBytes: number;
  /** Of the inputs so far. */
  #byteLength = 0;

  constructor({ inputs, maxBatchSize }: ModelSignature, maxInputBytes: number) {
    this.#specs = new Map(inputs.map((spec) => [spec.name, spec]));
    this.#batched = maxBatchSize > 0;
    this.#maxInputBytes = maxInputBytes;
  }

  read(name: string, value: unknown): void {
    const spec = this.#specs.get(name);
    if (spec === undefined) this.parameters.set(name, customParameter(name, value));
    else this.inputs.push(this.#input(spec, value));
  }

  #input({ name, datatype, shape: row }: ClientTensorSpec, value: unknown): WireInput {
    const elements = Array.isArray(value) ? value.length : 1;
    if (elements === 0) return { name, datatype, shape: [], parameters: undefined, data: NO_BYTES };
    if (datatype !== "BYTES") this.#charge(name, elements * elementSizeBytes(datatype));
    const shape = shapeFor(elements, this.#batched ? [-1, ...row] : row);
    if (shape === undefined) {
      throw invalid(`The schema can not convert input '${name}' to tensor with proper shape`);
    }
    const data = readTensorJson(name, datatype, value, elements);
    if (datatype === "BYTES") this.#charge(name, data.byteLength);
    return { name, datatype, shape, parameters: undefined, data };
  }

  #charge(name: string, byteLength: number): void {
    if (this.#byteLength + byteLength > this.#maxInputBytes) {
      throw invalid(
        `request size of ${this.#byteLength} bytes with input '${name}' of size ${byteLength} bytes exceeds the maximum allowed input size of ${this.#maxInputBytes}. Use --http-max-input-size to increase the limit.`,
      );
    }
    this.#byteLength += byteLength;
  }
}

/**
 * Axes of a fixed length take their share of the elements; the innermost free one
 * takes what is left, other free ones are 1.
 * @returns undefined where that does not come out even
 */
function shapeFor(elements: number, expected: readonly number[]): number[] | undefined {
  let left = elements;
  for (const axis of expected) if (axis !== -1) left /= axis;
  if (!Number.isInteger(left)) return undefined;
  const shape = expected.toReversed().map((axis) => {
    if (axis !== -1) return axis;
    const length = left;
    left = 1;
    return length;
  });
  return left === 1 ? shape.toReversed() : undefined;
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}

/** A tensor written in JSON, flat or nested, as the raw bytes that the gateway works with. */
import { StatusError } from "../../errors.ts";
import { elementSizeBytes, isDatatype } from "../../inference/datatypes.ts";
import { NO_BYTES, onePiece } from "../../inference/pieces.ts";
import type { Pieces } from "../../inference/request.ts";
import { asBool, asDouble, asInt64, asString, asUint64, jsonError } from "../json-value.ts";

const DEEPEST = 100;
const PARSING = "Unable to parse 'data'";
const LENGTH_BYTES = 4;

/** Puts one element at a position; throws where the value is of another type. */
type Put = (value: unknown, index: number) => void;

/** What a fixed-size datatype is written through: the elements of `data`, as a JSON array or one value. */
function writer(datatype: string, bytes: Buffer<ArrayBuffer>): Put {
  const { buffer, byteOffset } = bytes;
  const elements = bytes.byteLength / elementSizeBytes(datatype);
  const big = (value: number | bigint) => BigInt(value);
  switch (datatype) {
    case "BOOL":
      return (value, i) => {
        bytes[i] = asBool(value, PARSING) ? 1 : 0;
      };
    case "INT8":
    case "INT16":
    case "INT32": {
      // Out of range: the lowest bits count, as in Triton.
      const target = new { INT8: Int8Array, INT16: Int16Array, INT32: Int32Array }[datatype](
        buffer,
        byteOffset,
        elements,
      );
      return (value, i) => {
        target[i] = lowest(asInt64(value, PARSING));
      };
    }
    case "UINT8":
    case "UINT16":
    case "UINT32": {
      const target = new { UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array }[datatype](
        buffer,
        byteOffset,
        elements,
      );
      return (value, i) => {
        target[i] = lowest(asUint64(value, PARSING));
      };
    }
    case "INT64": {
      const target = new BigInt64Array(buffer, byteOffset, elements);
      return (value, i) => {
        target[i] = big(asInt64(value, PARSING));
      };
    }
    case "UINT64": {
      const target = new BigUint64Array(buffer, byteOffset, elements);
      return (value, i) => {
        target[i] = big(asUint64(value, PARSING));
      };
    }
    default: {
      const Floats = datatype === "FP32" ? Float32Array : Float64Array;
      const target = new Floats(buffer, byteOffset, elements);
      return (value, i) => {
        target[i] = asDouble(value, PARSING);
      };
    }
  }
}

function lowest(value: number | bigint): number {
  return typeof value === "number" ? value : Number(BigInt.asIntN(32, value));
}

/**
 * @param data a JSON array, or one value where the caller takes it for one element
 * @param elements that the shape asks for
 * @throws StatusError with Triton's text where type or number of the elements is wrong
 */
export function readTensorJson(
  name: string,
  datatype: string,
  data: unknown,
  elements: number,
): Pieces {
  if (datatype === "BYTES") return readStrings(data);
  if (datatype === "FP16" || datatype === "BF16") {
    throw invalid(
      `receiving ${datatype} data via JSON is not supported. Please use the binary data format for input ${name}`,
    );
  }
  if (!isDatatype(datatype)) throw invalid(`invalid datatype for input ${name}`);
  const given = countLeaves(data, 0);
  if (given > elements) {
    throw jsonError(PARSING, "Shape does not match true shape of 'data' field");
  }
  // Allocated for what is there, never for what the shape claims.
  const bytes = Buffer.from(new ArrayBuffer(given * elementSizeBytes(datatype)));
  putAll(data, writer(datatype, bytes));
  if (given < elements) {
    throw jsonError(PARSING, "Shape does not match true shape of 'data' field");
  }
  return onePiece(bytes);
}

function readStrings(data: unknown): Pieces {
  let byteLength = 0;
  const strings: string[] = [];
  countLeaves(data, 0);
  putAll(data, (value) => {
    const text = asString(value, "Unable to parse JSON bytes array");
    byteLength += LENGTH_BYTES + Buffer.byteLength(text);
    strings.push(text);
  });
  if (byteLength === 0) return NO_BYTES;
  const bytes = Buffer.allocUnsafe(byteLength);
  let at = 0;
  for (const text of strings) {
    const written = bytes.write(text, at + LENGTH_BYTES, "utf8");
    bytes.writeUInt32LE(written, at);
    at += LENGTH_BYTES + written;
  }
  return onePiece(bytes);
}

/** Elements that are no arrays. */
export function countLeaves(data: unknown, depth: number): number {
  if (!Array.isArray(data)) return 1;
  if (depth + 1 >= DEEPEST) {
    throw invalid(`${PARSING}: JSON nesting depth exceeds maximum allowed limit (${DEEPEST})`);
  }
  if (!Array.isArray(data[0]) && !data.some(Array.isArray)) return data.length;
  let leaves = 0;
  for (const element of data) leaves += countLeaves(element, depth + 1);
  return leaves;
}

/** Row-major order; how deep it goes was checked when the elements were counted. */
function putAll(data: unknown, put: Put): void {
  let index = 0;
  const visit = (value: unknown) => {
    if (!Array.isArray(value)) put(value, index++);
    else for (const element of value) visit(element);
  };
  visit(data);
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}

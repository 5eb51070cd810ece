/** The score of every row of an answer: what a trigger decides on. */
import { StatusError } from "../../../src/errors.ts";
import type { DecodedOutput, DecodedResponse } from "../../../src/grpc/codec/decode-response.ts";
import { elementSizeBytes } from "../../../src/inference/datatypes.ts";
import { joinPieces } from "../../../src/inference/pieces.ts";
import type { AnswersOrder } from "./order.ts";

type Read = (view: DataView, at: number) => number;

const READERS: Readonly<Record<string, Read>> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  INT8: (view, at) => view.getInt8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  INT16: (view, at) => view.getInt16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  UINT64: (view, at) => Number(view.getBigUint64(at, true)),
  INT64: (view, at) => Number(view.getBigInt64(at, true)),
  FP16: (view, at) => half(view.getUint16(at, true)),
  BF16: (view, at) => bfloat(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
};

/**
 * @param rows rows that were asked for: the answer's values are parted evenly among them
 * @returns one score a row. @throws StatusError where the answer holds no such output
 */
export function scoresOf(
  { outputs }: DecodedResponse,
  { output = "", column }: Pick<AnswersOrder, "output" | "column">,
  rows: number,
): Float32Array {
  const found = output === "" ? outputs[0] : outputs.find(({ name }) => name === output);
  if (found === undefined) {
    const there = outputs.map(({ name }) => `'${name}'`).join(", ") || "none";
    throw new StatusError(
      "INVALID_ARGUMENT",
      `no output '${output}' in the answer; it has ${there}`,
    );
  }
  return scoresIn(found, column, rows);
}

function scoresIn(
  { name, datatype, data }: DecodedOutput,
  column: number | undefined,
  rows: number,
): Float32Array {
  const read = READERS[datatype];
  if (read === undefined) {
    throw new StatusError("INVALID_ARGUMENT", `output '${name}' is of ${datatype}: no score`);
  }
  const bytes = joinPieces(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = elementSizeBytes(datatype);
  const width = Math.floor(bytes.byteLength / size / rows);
  if (width < 1 || (column ?? 0) >= width) {
    const wanted = column === undefined ? "" : ` with a column ${column}`;
    const values = bytes.byteLength / size;
    throw new StatusError(
      "INVALID_ARGUMENT",
      `output '${name}' has ${values} values: not ${rows} rows${wanted}`,
    );
  }
  const scores = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width * size;
    if (column !== undefined) scores[row] = read(view, start + column * size);
    else {
      let largest = read(view, start);
      for (let at = 1; at < width; at++) largest = Math.max(largest, read(view, start + at * size));
      scores[row] = largest;
    }
  }
  return scores;
}

const word = new DataView(new ArrayBuffer(4));

function bfloat(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

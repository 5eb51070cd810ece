/** How far an answer is from the rows run alone. */
import type { InferAnswer } from "../../support/infer-messages.ts";
import { type RowPool, take } from "./row-pool.ts";

const TOLERANCE: Readonly<Record<string, number>> = { FP32: 1e-5, FP64: 1e-5, FP16: 1e-3 };

/** @returns what is wrong; undefined when every row is as it was alone. */
export function compare(
  pool: RowPool,
  answer: InferAnswer,
  first: number,
  rows: number,
  exact: boolean,
): string | undefined {
  if (answer.model !== pool.model) return `answered by model ${answer.model}`;
  for (const output of pool.outputs) {
    const got = answer.outputs.get(output.name);
    const expected = Buffer.concat(take(output.rows, first, rows));
    if (got === undefined) return `no output ${output.name}`;
    if (expected.equals(got)) continue;
    if (got.byteLength !== expected.byteLength) {
      return `${output.name}: ${got.byteLength} bytes instead of ${expected.byteLength}`;
    }
    const tolerance = TOLERANCE[output.datatype];
    if (exact || tolerance === undefined) return `${output.name}: other bits`;
    const rowBytes = expected.byteLength / rows;
    for (let row = 0; row < rows; row += 1) {
      const at = row * rowBytes;
      const far = distance(output.datatype, got, expected, at, rowBytes);
      if (!(far <= tolerance)) return `${output.name}: row ${row} is off by ${far} of its maximum`;
    }
  }
  return undefined;
}

/** max |a-b| / max |b| over one row. */
function distance(
  datatype: string,
  got: Uint8Array,
  expected: Uint8Array,
  offset: number,
  byteLength: number,
): number {
  const left = numbers(datatype, got, offset, byteLength);
  const right = numbers(datatype, expected, offset, byteLength);
  let far = 0;
  let largest = 0;
  right.forEach((value, at) => {
    largest = Math.max(largest, Math.abs(value));
    const gap = Math.abs((left[at] ?? Number.NaN) - value);
    far = gap > far || Number.isNaN(gap) ? gap : far;
  });
  return far === 0 ? 0 : far / largest;
}

function numbers(
  datatype: string,
  bytes: Uint8Array,
  offset: number,
  byteLength: number,
): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, byteLength);
  const width = datatype === "FP64" ? 8 : datatype === "FP32" ? 4 : 2;
  return Array.from({ length: byteLength / width }, (_, at) => {
    if (width === 8) return view.getFloat64(at * 8, true);
    return width === 4 ? view.getFloat32(at * 4, true) : half(view.getUint16(at * 2, true));
  });
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

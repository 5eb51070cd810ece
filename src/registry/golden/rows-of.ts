/** Single rows of a tensor that has several. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../../backends/contract.ts";

/** Rows of raw elements as they lie one after the other. */
export interface RowSlices {
  slice(from: number, to: number): Uint8Array;
  /** These rows, in this order, as a copy. */
  pick(rows: readonly number[]): Uint8Array;
}

/** @param rowShape without the batch axis */
export function slicesOf(
  datatype: Datatype,
  rowShape: readonly number[],
  bytes: Uint8Array,
): RowSlices {
  const elements = rowShape.reduce((product, axis) => product * axis, 1);
  if (datatype !== "BYTES") {
    const width = elements * BYTES_PER_ELEMENT[datatype];
    return slices(bytes, (row) => row * width);
  }
  const starts = textStarts(bytes, elements);
  return slices(bytes, (row) => starts[row] ?? bytes.byteLength);
}

function slices(bytes: Uint8Array, start: (row: number) => number): RowSlices {
  const slice = (from: number, to: number) => bytes.subarray(start(from), start(to));
  return {
    slice,
    pick: (rows) => Buffer.concat(rows.map((row) => slice(row, row + 1))),
  };
}

function textStarts(bytes: Uint8Array, elements: number): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = [0];
  let at = 0;
  for (let element = 1; at + 4 <= bytes.byteLength; element += 1) {
    at += 4 + view.getUint32(at, true);
    if (element % Math.max(1, elements) === 0) starts.push(at);
  }
  return starts;
}

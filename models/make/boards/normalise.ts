/** Inputs in their own units to numbers of about 1, on the board: what quantised layers need. */
import { quantizerOf, restorerOf } from "../../../backends/common/fixed-point/convert.ts";
import type { FixedPointType } from "../../../backends/contract.ts";
import { integerBits, largest, type NodeJson, signed } from "./network-json.ts";
import type { FloatLayer } from "./quantise-dense.ts";

export interface Normalisation {
  readonly node: NodeJson;
  /** What the node does to a row, its constants as they are quantised. */
  readonly apply: (row: readonly number[]) => readonly number[];
  /** The first layer for numbers that went through the node. */
  readonly absorb: (layer: FloatLayer) => FloatLayer;
}

/**
 * The scale is a power of two near one over the spread of a column, and the offset a sixteenth-th of
 * that: the last bits of a mean, which differ between processors, change nothing.
 *
 * @param rows of a sample
 */
export function normalisation(
  name: string,
  rows: readonly (readonly number[])[],
  width: number,
): Normalisation {
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as number));
  const scales = columns.map((column) => 2 ** -Math.round(Math.log2(spreadOf(column))));
  const offsets = columns.map((column, n) => {
    return -Math.round(16 * meanOf(column) * (scales[n] as number)) / 16;
  });
  const apply = (row: readonly number[]) =>
    row.map((x, n) => x * (scales[n] as number) + (offsets[n] as number));
  const most = largest(rows.flatMap(apply));
  const scale_t = exactType(scales);
  const bias_t = exactType(offsets);
  return {
    node: {
      ...{ name, op: "batchnorm", inputs: ["input"], scale_t, bias_t },
      scale_raw: scales.map(quantizerOf(scale_t)),
      bias_raw: offsets.map(quantizerOf(bias_t)),
      out_t: signed(width, integerBits(2 * most)),
    },
    apply,
    absorb: ({ weights, bias, relu }) => {
      const outputs = bias.length;
      const absorbed = weights.map((weight, at) => {
        return weight / (scales[Math.floor(at / outputs)] as number);
      });
      const moved = bias.map((start, j) =>
        offsets.reduce(
          (sum, offset, i) => sum - offset * (absorbed[i * outputs + j] as number),
          start,
        ),
      );
      return { weights: absorbed, bias: moved, relu };
    },
  };
}

/** The narrowest that holds all numbers as they are, down to 2^-16. */
function exactType(numbers: readonly number[]): FixedPointType {
  const i = integerBits(largest(numbers));
  for (let w = Math.max(1, i); w < i + 16; w++) {
    const type = signed(w, i);
    const [quantise, restore] = [quantizerOf(type), restorerOf(type)];
    if (numbers.every((number) => restore(quantise(number)) === number)) return type;
  }
  return signed(i + 16, i);
}

function meanOf(column: readonly number[]): number {
  return column.reduce((sum, x) => sum + x, 0) / column.length;
}

function spreadOf(column: readonly number[]): number {
  const mean = meanOf(column);
  return Math.sqrt(meanOf(column.map((x) => (x - mean) ** 2)));
}

/** Nodes of one input without weights: activations, softmax, and what stands before and behind a network. */
import type { FixedPointType } from "../../../contract.ts";
import type { CommonParts, Read } from "./common-parts.ts";
import type { Fields } from "./fields.ts";
import type { NetworkNode } from "./nodes.ts";

export const ACTIVATIONS: Readonly<Record<string, Read>> = {
  relu: (_, common) => ({ ...common.node(), op: "relu" }),
  linear: (_, common) => ({ ...common.node(), op: "linear" }),
  batchnorm: (fields, common) => {
    const scaleType = fields.type("scale_t");
    const biasType = fields.type("bias_t");
    const scale = fields.raws("scale_raw", scaleType);
    const bias = fields.raws("bias_raw", biasType, scale.length);
    return { ...common.node(), op: "batchnorm", scaleType, biasType, scale, bias };
  },
  sigmoid: (fields, common) => ({ ...common.node(), op: "sigmoid", ...rangeTable(fields, 8) }),
  tanh: (fields, common) => ({ ...common.node(), op: "tanh", ...rangeTable(fields, 4) }),
  softmax_latency: (fields, common) => softmax("softmax_latency", fields, common),
  softmax_stable: (fields, common) => softmax("softmax_stable", fields, common),
  softmax_legacy: (fields, common) => {
    const tableType = fields.type("table_t");
    const size = fields.count("table_size", 2);
    const expTable = fields.raws("exp_table_raw", tableType, size);
    const inverseTable = fields.raws("inv_table_raw", tableType, size);
    return { ...common.node(), op: "softmax_legacy", tableType, expTable, inverseTable };
  },
  softmax_argmax: (_, common) => ({ ...common.node(), op: "softmax_argmax" }),
  sum_of_squares: (fields, common) => {
    const squareType = fields.type("square_t");
    return { ...common.node(1, squareType), op: "sum_of_squares", squareType };
  },
  offset_shift: (fields, common) => {
    const elements = common.elements(0);
    const shifts = fields.numbers("shifts", elements);
    const odd = shifts.findIndex((shift) => !Number.isInteger(shift) || Math.abs(shift) > 52);
    if (odd >= 0) throw fields.fail(`shifts[${odd}]`, "has to be a whole number from -52 to 52");
    return {
      ...common.node(),
      op: "offset_shift",
      offsets: fields.numbers("offsets", elements),
      offsetType: fields.type("offset_t"),
      rawType: fields.type("raw_t"),
      shifts,
    };
  },
};

function rangeTable(fields: Fields, usualRange: number) {
  const tableType = fields.type("table_t");
  const table = fields.raws("table_raw", tableType, fields.count("table_size", 2));
  const range = fields.count("table_range", 1, usualRange);
  if (!isPowerOfTwo(range)) throw fields.fail("table_range", "has to be a power of two");
  return { tableType, table, range };
}

function softmax(
  op: "softmax_latency" | "softmax_stable",
  fields: Fields,
  common: CommonParts,
): NetworkNode {
  const source = common.type(0);
  const expType = fields.type("exp_table_t");
  const inverseType = fields.type("inv_table_t");
  const usualSize = fields.has("table_size") ? fields.count("table_size") : undefined;
  const sumType = fields.type("accum_t", expType);
  const inverseInputType = fields.type("inv_inp_t", sumType);
  const usualDifference = { ...source, signed: true, q: "RND", o: "SAT" } satisfies FixedPointType;
  const stable = op === "softmax_stable";
  const differenceType = stable ? fields.type("inp_norm_t", usualDifference) : source;
  const topBits = (size: string, indexed: FixedPointType) => {
    const entries = fields.count(size, 2, usualSize);
    if (!isPowerOfTwo(entries) || 2 ** indexed.w < entries) {
      const what = `is ${entries}, and has to be a power of two of at most ${indexed.w} bits`;
      throw fields.fail(fields.has(size) ? size : "table_size", what);
    }
    return entries;
  };
  const expSize = topBits("exp_table_size", differenceType);
  const inverseSize = topBits("inv_table_size", inverseInputType);
  return {
    ...common.node(),
    op,
    expType,
    expTable: fields.raws("exp_table_raw", expType, expSize),
    inverseType,
    inverseTable: fields.raws("inv_table_raw", inverseType, inverseSize),
    sumType,
    inverseInputType,
    difference: stable ? fields.word("difference", ["x-max", "max-x"], "x-max") : "x-max",
    differenceType,
  };
}

function isPowerOfTwo(count: number): boolean {
  return 2 ** Math.round(Math.log2(count)) === count;
}

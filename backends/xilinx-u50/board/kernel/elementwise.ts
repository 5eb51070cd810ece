/** Ops that make one element of one element. They ride on the stage before them. */
import type {
  BatchNormNode,
  CastNode,
  NetworkNode,
  OffsetShiftNode,
  TableNode,
} from "../../../common/fixed-point/network.ts";
import { cast, clamp, fitted, fractionBits, round } from "./cast.ts";
import { precomputed, precomputedConstant } from "./code.ts";
import type { Element, Stage } from "./stage.ts";
import { constant, isInt32, minus, named, plus, scaled, times, type Value } from "./value.ts";

export type ElementwiseNode = BatchNormNode | CastNode | TableNode | OffsetShiftNode;

export function isElementwise(node: NetworkNode): node is ElementwiseNode {
  return ["batchnorm", "relu", "linear", "sigmoid", "tanh", "offset_shift"].includes(node.op);
}

export function elementwise(
  stage: Stage,
  node: ElementwiseNode,
  value: Value,
  element: Element,
): Value {
  switch (node.op) {
    case "linear":
      return cast(stage.code, value, node.type);
    case "relu":
      return cast(stage.code, positive(stage, value), node.type);
    case "batchnorm": {
      const scale = stage.entry(node.scale, fractionBits(node.scaleType), element);
      const bias = stage.entry(node.bias, fractionBits(node.biasType), element);
      return cast(stage.code, plus(times(value, scale), bias), node.type);
    }
    case "sigmoid":
    case "tanh":
      return fromTable(stage, node, value);
    case "offset_shift":
      return offsetShift(stage, node, value, element);
  }
}

/** A cast of 0 is 0 in every type, so what is not above 0 may be made 0 before it. */
function positive({ code }: Stage, value: Value): Value {
  if (value.lo >= 0) return value;
  const x = code.bind(value);
  const text = isInt32(x) ? `(${x.code} & ~(${x.code} >> 31))` : `(${x.code} > 0 ? ${x.code} : 0)`;
  return named(text, 0, Math.max(0, x.hi), x.f);
}

function fromTable(stage: Stage, node: TableNode, value: Value): Value {
  const index = tableIndex(stage, value, node.table.length, 2 * node.range);
  const entries = castOnce(node);
  const { name, lo, hi } = stage.code.program.table(entries);
  return named(`${name}[${index.code}]`, lo, hi, fractionBits(node.type));
}

const tables = new WeakMap<TableNode, readonly number[]>();

function castOnce(node: TableNode): readonly number[] {
  const known = tables.get(node);
  if (known !== undefined) return known;
  const entries = precomputed(node.table, fractionBits(node.tableType), (code, entry) =>
    cast(code, entry, node.type),
  );
  tables.set(node, entries);
  return entries;
}

/** trunc(x * size / span) + middle, kept inside the table; span is a power of two. */
export function tableIndex(
  stage: Stage,
  value: Value,
  size: number,
  span: number,
  middle = Math.floor(size / 2),
): Value {
  // Where the size is a power of two, multiplying by it moves the binary point alone.
  const bits = Math.log2(size);
  const multiplied = Number.isInteger(bits) ? scaled(value, bits) : times(value, constant(size, 0));
  const steps = round(stage.code, scaled(multiplied, -Math.log2(span)), 0, "TRN_ZERO");
  return clamp(stage.code, plus(steps, constant(middle, 0)), 0, size - 1);
}

function offsetShift(stage: Stage, node: OffsetShiftNode, value: Value, element: Element): Value {
  const { code } = stage;
  const offset = decimal(node.offsets[element.offset] as number);
  const shift = node.shifts[element.offset] as number;
  const taken = precomputedConstant(offset.lo, offset.f, (inner, x) =>
    cast(inner, x, node.offsetType),
  );
  const raw = code.bind(cast(code, minus(value, taken), node.rawType));
  const f = fractionBits(node.rawType);
  const moved = scaled(raw, -shift);
  const shifted =
    shift >= 0
      ? round(code, moved, f, "TRN")
      : fitted(
          code,
          { ...times(raw, constant(2 ** -shift, 0)), f },
          { ...node.rawType, o: "WRAP" },
        );
  return cast(code, shifted, node.type);
}

/** A number as an integer and its binary point. */
function decimal(number: number): Value {
  let f = 0;
  let integer = number;
  while (!Number.isInteger(integer)) {
    integer *= 2;
    f += 1;
  }
  return constant(integer, f);
}

/** Ops that make one element of one. */
import type {
  ArgmaxNode,
  BatchNormNode,
  CastNode,
  OffsetShiftNode,
  TableNode,
} from "../../common/fixed-point/network.ts";
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { cast } from "./cast.ts";
import { castConstant, exactly, rangeAmong, wholeRange } from "./exact.ts";
import { look, scaledIndex, tableOf } from "./lookups.ts";
import { literal, type Program, type Row } from "./program.ts";
import { each, rowOf } from "./rows.ts";
import { as, difference, entry, product, sum, type Value } from "./value.ts";

export function assignment(program: Program, node: CastNode, source: Row): Row {
  return each(program, node, source, (x) => {
    return cast(program, node.op === "relu" ? positive(program, x) : x, node.type);
  });
}

function positive(program: Program, x: Value): Value {
  const [lo, hi] = [x.range.lo > 0n ? x.range.lo : 0n, x.range.hi > 0n ? x.range.hi : 0n];
  const zero = `(${program.vector(x.kind)})(0)`;
  return { ...x, text: `max(${x.text}, ${zero})`, range: { lo, hi } };
}

export function batchNorm(program: Program, node: BatchNormNode, source: Row): Row {
  const scale = program.table(node.scale.map(BigInt));
  const bias = program.table(node.bias.map(BigInt));
  const entries = node.scale.length;
  return each(program, node, source, (x, e) => {
    const place = entries < node.elements ? `${e} % ${entries}` : e;
    const scaled = product(
      program,
      x,
      entry(program, scale, place, fractionBitsOf(node.scaleType)),
    );
    const shift = entry(program, bias, place, fractionBitsOf(node.biasType));
    return cast(program, sum(program, scaled, shift), node.type);
  });
}

export function tabulated(program: Program, node: TableNode, source: Row): Row {
  const { table, tableType, range, type } = node;
  const entries = tableOf(program, table, tableType, type);
  const spanBits = Math.log2(2 * range);
  return each(program, node, source, (x) => {
    const index = scaledIndex(program, x, table.length, spanBits, Math.floor(table.length / 2));
    return look(program, entries, index, fractionBitsOf(type));
  });
}

export function argmax(program: Program, node: ArgmaxNode, source: Row): Row {
  const one = castConstant(1, 0, node.type);
  const row = rowOf(program, node, rangeAmong([0n, one]));
  const vector = program.vector(source.kind);
  const [most, taken] = [greatestOf(program, source), program.fresh("m")];
  program.line(`${vector} ${taken} = 0;`);
  program.loop(node.elements, (e) => {
    program.line(`const ${vector} here = (${source.name}[${e}] == ${most}) & ~${taken};`);
    program.line(`${taken} |= here;`);
    const mask = as(
      program,
      { text: "here", kind: source.kind, range: row.range, fraction: 0 },
      row.kind,
    );
    program.line(
      `${row.name}[${e}] = ${mask} & (${program.vector(row.kind)})(${literal(one, row.kind)});`,
    );
  });
  return row;
}

/** Name of a vector with the greatest element of each row. */
export function greatestOf(program: Program, source: Row): string {
  const name = program.fresh("m");
  program.line(`${program.vector(source.kind)} ${name} = ${source.name}[0];`);
  program.loop(source.elements, (e) => {
    program.line(`${name} = max(${name}, ${source.name}[${e}]);`);
  });
  return name;
}

export function offsetShift(program: Program, node: OffsetShiftNode, source: Row): Row {
  const { offsets, offsetType, rawType, shifts } = node;
  const fraction = fractionBitsOf(rawType);
  const table = program.table(
    offsets.map((offset) => {
      const { whole, fraction: bits } = exactly(offset);
      return castConstant(whole, bits, offsetType);
    }),
  );
  const moves = program.table(shifts.map(BigInt));
  const wrapping = { ...rawType, o: "WRAP" } as const;
  return each(program, node, source, (x, e) => {
    const offset = entry(program, table, e, fractionBitsOf(offsetType));
    const raw = cast(program, difference(program, x, offset), rawType);
    const vector = program.vector("long");
    const shifted = program.function(vector, `const ${vector} v, const int by`, [
      "return by >= 0 ? v >> by : v << -by;",
    ]);
    const text = `${shifted}(${as(program, raw, "long")}, ${moves.name}[${e}])`;
    const whole: Value = { text, kind: "long", range: wholeRange("long"), fraction };
    return cast(program, cast(program, whole, wrapping), node.type);
  });
}

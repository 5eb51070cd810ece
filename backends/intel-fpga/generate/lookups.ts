/** Tables that each row reads at a place of its own. */
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import type { FixedPointType } from "../../contract.ts";
import { convert } from "./cast.ts";
import { bitsOf, castConstant, type Range, type Target } from "./exact.ts";
import { literal, type Program, type Table } from "./program.ts";
import { as, constant, product, sum, type Value } from "./value.ts";

/** A table of raw integers of `from`, each assigned to `to` beforehand. */
export function tableOf(
  program: Program,
  raws: readonly number[],
  from: FixedPointType,
  to: FixedPointType,
): Table {
  return program.table(raws.map((raw) => castConstant(raw, fractionBitsOf(from), to)));
}

/** The entry that each lane of `index` asks for; all of them are inside. */
export function look(program: Program, table: Table, index: Value, fraction: number): Value {
  const { name, kind, range } = table;
  const { lanes } = program;
  const lookup = program.function(program.vector(kind), `const ${program.vector("int")} index`, [
    `int place[${lanes}];`,
    `${kind} found[${lanes}];`,
    `vstore${lanes}(index, 0, place);`,
    `for (int l = 0; l < ${lanes}; l++) found[l] = ${name}[place[l]];`,
    `return vload${lanes}(0, found);`,
  ]);
  return { text: `${lookup}(${as(program, index, "int")})`, kind, range, fraction };
}

/** trunc(x * `entries` / 2^`spanBits`) + `first`, kept inside a table of so many entries. */
export function scaledIndex(
  program: Program,
  x: Value,
  entries: number,
  spanBits: number,
  first: number,
): Value {
  const scaled = product(program, x, constant(program, BigInt(entries), 0));
  const inside: Range = { lo: BigInt(-first), hi: BigInt(entries - 1 - first) };
  const target: Target = {
    ...inside,
    rounding: "TRN_ZERO",
    overflow: "saturate",
    bits: 64,
    signed: true,
  };
  const whole = convert(program, scaled, -spanBits - x.fraction, target, 0);
  return sum(program, whole, constant(program, BigInt(first), 0));
}

/** The top bits of a word of `type`, as many as a table of `entries` has, as an unsigned number. */
export function topBits(x: Value, { w }: FixedPointType, entries: number): Value {
  const shift = Math.min(w - Math.log2(entries), bitsOf(x.kind) - 1);
  const text = `((${x.text} >> ${shift}) & ${literal(BigInt(entries - 1), x.kind)})`;
  return { text, kind: x.kind, range: { lo: 0n, hi: BigInt(entries - 1) }, fraction: 0 };
}

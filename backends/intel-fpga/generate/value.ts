/** A vector in the kernel, with what is known of its numbers. Sums and products are exact, or refused. */
import {
  type Kind,
  kindOf,
  negated,
  productRange,
  type Range,
  shiftedRange,
  sumRange,
} from "./exact.ts";
import { literal, type Program, type Row, type Table } from "./program.ts";

/** An expression of type `kind` with a lane per row: raw integers, each worth 2^-`fraction`. */
export interface Value {
  readonly text: string;
  readonly kind: Kind;
  readonly range: Range;
  readonly fraction: number;
}

export function element({ name, kind, range, fraction }: Row, index: string): Value {
  return { text: `${name}[${index}]`, kind, range, fraction };
}

/** The same entry of a table in all lanes. */
export function entry(program: Program, table: Table, index: string, fraction: number): Value {
  const { name, kind, range } = table;
  return { text: `(${program.vector(kind)})((${kind})${name}[${index}])`, kind, range, fraction };
}

export function constant(program: Program, value: bigint, fraction: number): Value {
  const range = { lo: value, hi: value };
  const kind = kindOf(range);
  return { text: `(${program.vector(kind)})(${literal(value, kind)})`, kind, range, fraction };
}

/** As text of another kind; the caller knows that the numbers fit, or wants their low bits. */
export function as(program: Program, { text, kind }: Value, to: Kind): string {
  return kind === to ? text : `convert_${program.vector(to)}(${text})`;
}

export function product(program: Program, a: Value, b: Value): Value {
  const fraction = a.fraction + b.fraction;
  return binary(program, a, "*", b, { range: productRange(a.range, b.range), fraction });
}

/** Binary points are brought together first. */
export function sum(program: Program, a: Value, b: Value): Value {
  const [x, y, fraction] = aligned(program, a, b);
  return binary(program, x, "+", y, { range: sumRange(x.range, y.range), fraction });
}

export function difference(program: Program, a: Value, b: Value): Value {
  const [x, y, fraction] = aligned(program, a, b);
  return binary(program, x, "-", y, { range: sumRange(x.range, negated(y.range)), fraction });
}

function binary(
  program: Program,
  a: Value,
  operator: string,
  b: Value,
  { range, fraction }: { readonly range: Range; readonly fraction: number },
): Value {
  const least = kindOf(range);
  const kind = a.kind === "long" || b.kind === "long" ? "long" : least;
  const text = `(${as(program, a, kind)} ${operator} ${as(program, b, kind)})`;
  return { text, kind, range, fraction };
}

function aligned(program: Program, a: Value, b: Value): [Value, Value, number] {
  const fraction = Math.max(a.fraction, b.fraction);
  return [raised(program, a, fraction), raised(program, b, fraction), fraction];
}

/** The same numbers with more bits behind the binary point. */
function raised(program: Program, value: Value, fraction: number): Value {
  const shift = fraction - value.fraction;
  const { lo, hi } = value.range;
  // A shift as wide as the word is none; of what is 0 it may be that wide.
  if (shift === 0 || (lo === 0n && hi === 0n)) return { ...value, fraction };
  const range = shiftedRange(value.range, shift);
  const least = kindOf(range);
  const kind = value.kind === "long" ? "long" : least;
  return { text: `(${as(program, value, kind)} << ${shift})`, kind, range, fraction };
}

/** Assignments of fixed-point numbers as functions of the kernel: round, then bring into the range. */
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import type { FixedPointType } from "../../contract.ts";
import {
  bitsOf,
  fitted,
  holds,
  type Kind,
  kindOf,
  type Range,
  rangeAmong,
  rounded,
  type Target,
  targetOf,
  wholeRange,
} from "./exact.ts";
import { literal, type Program } from "./program.ts";
import { as, type Value } from "./value.ts";

export function cast(program: Program, value: Value, type: FixedPointType): Value {
  const fraction = fractionBitsOf(type);
  return convert(program, value, fraction - value.fraction, targetOf(type), fraction);
}

/** To the raw integers of `target`, each worth 2^`shift` of the value's own. */
export function convert(
  program: Program,
  value: Value,
  shift: number,
  target: Target,
  fraction: number,
): Value {
  const exact = rangeAmong(
    [value.range.lo, value.range.hi].map((end) => rounded(end, shift, target.rounding)),
  );
  const safe = holds(target, exact);
  if (safe && shift === 0) return { ...value, fraction };
  const range = safe ? exact : reachable(exact, target);
  const kind = kindOf(range);
  const work = value.kind === "long" || kind === "long" || !fits32(target) ? "long" : "int";
  const body =
    shift > 0
      ? raise(program, shift, target, safe, work)
      : [...round(-shift, target, work), ...confine(program, exact, target, safe, work)];
  const name = program.function(program.vector(kind), `const ${program.vector(value.kind)} given`, [
    `${program.vector(work)} v = ${as(program, { ...value, text: "given" }, work)};`,
    ...body,
    `return ${as(program, { ...value, text: "v", kind: work }, kind)};`,
  ]);
  return { text: `${name}(${value.text})`, kind, range, fraction };
}

/** What comes out where not all of it fits. */
function reachable(exact: Range, target: Target): Range {
  if (target.overflow === "wrap") return { lo: target.lo, hi: target.hi };
  return rangeAmong([
    ...[exact.lo, exact.hi].map((end) =>
      end > target.hi ? target.hi : end < target.lo ? target.lo : end,
    ),
    ...(target.overflow === "zero" ? [0n] : []),
  ]);
}

/** Whether 32 bits hold whatever the target can be. */
function fits32(target: Target): boolean {
  return holds(wholeRange("int"), target);
}

/** `v` divided by 2^`by`, rounded. Shifts go no further than a word has bits: there, only its sign is left. */
function round(by: number, { rounding }: Target, kind: Kind): string[] {
  if (by === 0) return [];
  const last = bitsOf(kind) - 1;
  const below = `v >> ${Math.min(by, last)}`;
  const one = literal(1n, kind);
  const half = `((v >> ${Math.min(by - 1, last)}) & ${one})`;
  const mask = by - 1 > last ? -1n : (1n << BigInt(by - 1)) - 1n;
  const rest = `(((v & ${literal(mask, kind)}) != 0) & ${one})`;
  const negative = `((v >> ${last}) & ${one})`;
  const odd = `((${below}) & ${one})`;
  const up = {
    TRN: undefined,
    TRN_ZERO: `${negative} & (${half} | ${rest})`,
    RND: half,
    RND_ZERO: `${half} & (${rest} | ${negative})`,
    RND_MIN_INF: `${half} & ${rest}`,
    RND_INF: `${half} & (${rest} | (${negative} ^ ${one}))`,
    RND_CONV: `${half} & (${rest} | ${odd})`,
    RND_CONV_ODD: `${half} & (${rest} | (${odd} ^ ${one}))`,
  }[rounding];
  return [up === undefined ? `v = ${below};` : `v = (${below}) + (${up});`];
}

/** `v` as it is, into the target. */
function confine(
  program: Program,
  exact: Range,
  target: Target,
  safe: boolean,
  kind: Kind,
): string[] {
  if (safe) return [];
  if (target.overflow === "wrap") return wrap(target, 0, kind);
  const whole = wholeRange(kind);
  const lo = literal(target.lo < whole.lo ? whole.lo : target.lo, kind);
  const hi = literal(target.hi > whole.hi ? whole.hi : target.hi, kind);
  const vector = program.vector(kind);
  if (target.overflow === "saturate")
    return [`v = clamp(v, (${vector})(${lo}), (${vector})(${hi}));`];
  const outside = [
    ...(exact.hi > target.hi ? [`(v > ${hi})`] : []),
    ...(exact.lo < target.lo ? [`(v < ${lo})`] : []),
  ].join(" | ");
  return [`v = (${outside}) ? (${vector})(0) : v;`];
}

/** The low bits of v * 2^`shift`, with the sign that they have. */
function wrap({ bits, signed }: Target, shift: number, kind: Kind): string[] {
  if (shift >= bits) return ["v = 0;"];
  const above = bitsOf(kind) - bits;
  if (signed) return [`v = (v << ${shift + above}) >> ${above};`];
  const mask = literal((1n << BigInt(bits)) - 1n, kind);
  return [`v = ${shift === 0 ? "v" : `(v << ${shift})`} & ${mask};`];
}

/** `v` times 2^`shift`, into the target. */
function raise(
  program: Program,
  shift: number,
  target: Target,
  safe: boolean,
  kind: Kind,
): string[] {
  if (safe) return [shift < bitsOf(kind) ? `v = v << ${shift};` : "v = 0;"];
  if (target.overflow === "wrap") return wrap(target, shift, kind);
  // The ends before the shift: more overflows.
  const most = target.hi >> BigInt(shift);
  const least = -(-target.lo >> BigInt(shift));
  const vector = program.vector(kind);
  const at = (value: bigint) => `(${vector})(${literal(value, kind)})`;
  const beyond = (value: bigint) => at(fitted(value, target));
  const inside =
    shift < bitsOf(kind) ? `(clamp(v, ${at(least)}, ${at(most)}) << ${shift})` : at(0n);
  const above = beyond(target.hi + 1n);
  const below = beyond(target.lo - 1n);
  return [
    `v = v > ${literal(most, kind)} ? ${above} : (v < ${literal(least, kind)} ? ${below} : ${inside});`,
  ];
}

/** Fixed point in whole numbers of any size, for what is known while the source is written: constants and bounds. */
import { fractionBitsOf } from "../../common/fixed-point/type.ts";
import { BackendError, type FixedPointType } from "../../contract.ts";

/** What a value can be, both ends included. */
export interface Range {
  readonly lo: bigint;
  readonly hi: bigint;
}

/** Where a cast ends: the least and the greatest raw integer, and how to get there. */
export interface Target extends Range {
  readonly rounding: FixedPointType["q"];
  readonly overflow: "wrap" | "saturate" | "zero";
  /** Bits that are kept where it wraps. */
  readonly bits: number;
  readonly signed: boolean;
}

/** `SAT_SYM` saturates like `SAT`, at a least value that is as far from 0 as the greatest. */
export function targetOf({ w, signed, q, o }: FixedPointType): Target {
  const half = 1n << BigInt(w - 1);
  const hi = signed ? half - 1n : 2n * half - 1n;
  const lo = !signed ? 0n : o === "SAT_SYM" ? -hi : -half;
  const overflow = o === "WRAP" ? "wrap" : o === "SAT_ZERO" ? "zero" : "saturate";
  return { lo, hi, rounding: q, overflow, bits: w, signed };
}

/** `value` * 2^`shift` as a whole number. */
export function rounded(value: bigint, shift: number, rounding: FixedPointType["q"]): bigint {
  if (shift >= 0) return value << BigInt(shift);
  const below = value >> BigInt(-shift);
  const twice = (value << 1n) - (below << BigInt(1 - shift));
  const half = 1n << BigInt(-shift);
  if (twice === 0n) return below;
  const nearer = twice > half || (twice === half && tieGoesUp(rounding, value < 0n, below));
  if (rounding === "TRN") return below;
  if (rounding === "TRN_ZERO") return value < 0n ? below + 1n : below;
  return nearer ? below + 1n : below;
}

function tieGoesUp(rounding: FixedPointType["q"], negative: boolean, below: bigint): boolean {
  switch (rounding) {
    case "RND":
      return true;
    case "RND_ZERO":
      return negative;
    case "RND_INF":
      return !negative;
    case "RND_CONV":
      return (below & 1n) === 1n;
    case "RND_CONV_ODD":
      return (below & 1n) === 0n;
    default:
      return false;
  }
}

export function fitted(value: bigint, { lo, hi, overflow, bits, signed }: Target): bigint {
  if (overflow === "wrap") return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  if (value >= lo && value <= hi) return value;
  if (overflow === "zero") return 0n;
  return value > hi ? hi : lo;
}

/** `value` * 2^-`fraction` assigned to `type`. */
export function castConstant(
  value: bigint | number,
  fraction: number,
  type: FixedPointType,
): bigint {
  const target = targetOf(type);
  return fitted(rounded(BigInt(value), fractionBitsOf(type) - fraction, target.rounding), target);
}

/** A finite double as a whole number times 2^-fraction. */
export function exactly(value: number): { readonly whole: bigint; readonly fraction: number } {
  let whole = value;
  let fraction = 0;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    fraction++;
  }
  return { whole: BigInt(whole), fraction };
}

export function holds(outer: Range, inner: Range): boolean {
  return inner.lo >= outer.lo && inner.hi <= outer.hi;
}

export function rangeAmong(values: Iterable<bigint>): Range {
  let [lo, hi]: (bigint | undefined)[] = [];
  for (const value of values) {
    if (lo === undefined || value < lo) lo = value;
    if (hi === undefined || value > hi) hi = value;
  }
  return { lo: lo ?? 0n, hi: hi ?? 0n };
}

export function productRange(a: Range, b: Range): Range {
  return rangeAmong([a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi]);
}

export function sumRange(a: Range, b: Range): Range {
  return { lo: a.lo + b.lo, hi: a.hi + b.hi };
}

export function negated({ lo, hi }: Range): Range {
  return { lo: -hi, hi: -lo };
}

export function shiftedRange({ lo, hi }: Range, by: number): Range {
  return { lo: lo << BigInt(by), hi: hi << BigInt(by) };
}

/** An element of a vector: 32 or 64 bits with a sign. */
export type Kind = "int" | "long";

export const bitsOf = (kind: Kind): number => (kind === "int" ? 32 : 64);

/** @throws BackendError `artifact` for what has more than 64 bits */
export function kindOf(range: Range): Kind {
  if (holds(wholeRange("int"), range)) return "int";
  if (holds(wholeRange("long"), range)) return "long";
  const most = range.hi > -range.lo ? range.hi : -range.lo;
  const bits = most.toString(2).length + 1;
  throw new BackendError(
    "artifact",
    `a product or sum of ${bits} bits, and the kernel computes with at most 64: use narrower types`,
  );
}

export function wholeRange(kind: Kind): Range {
  const half = 1n << BigInt(bitsOf(kind) - 1);
  return { lo: -half, hi: half - 1n };
}

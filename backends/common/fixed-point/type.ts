/** What can be said of a fixed-point type without converting anything. */
import type { FixedPointType } from "../../contract.ts";

/** A double holds every raw integer of so many bits, and its double too. */
const MAX_BITS = 52;
/** Keeps every scale factor, and the ratio of any two, a normal double. */
const MAX_INTEGER_BITS = 256;

const ROUNDINGS: ReadonlySet<unknown> = new Set<FixedPointType["q"]>([
  "TRN",
  "TRN_ZERO",
  "RND",
  "RND_ZERO",
  "RND_MIN_INF",
  "RND_INF",
  "RND_CONV",
  "RND_CONV_ODD",
]);
const OVERFLOWS: ReadonlySet<unknown> = new Set<FixedPointType["o"]>([
  "WRAP",
  "SAT",
  "SAT_ZERO",
  "SAT_SYM",
]);

/** Why nothing can be of this type, as half a sentence; undefined for a good one. Takes unchecked JSON, too. */
export function typeFault(type: FixedPointType): string | undefined {
  const { w, i, signed, q, o } = type;
  if (!Number.isInteger(w) || w < 1 || w > MAX_BITS) {
    return `w is ${shown(w)}, and a raw integer has 1 to ${MAX_BITS} bits`;
  }
  if (!Number.isInteger(i) || Math.abs(i) > MAX_INTEGER_BITS) {
    return `i is ${shown(i)}, and an integer from -${MAX_INTEGER_BITS} to ${MAX_INTEGER_BITS} is possible`;
  }
  if (typeof signed !== "boolean") return `signed is ${shown(signed)}, and has to be true or false`;
  if (!ROUNDINGS.has(q))
    return `q is ${shown(q)}, and has to be one of ${[...ROUNDINGS].join(", ")}`;
  if (!OVERFLOWS.has(o))
    return `o is ${shown(o)}, and has to be one of ${[...OVERFLOWS].join(", ")}`;
  return undefined;
}

/** What JSON may hold in the place of a number, also what cannot be made a text of. */
const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** The least and the greatest raw integer. */
export function rangeOf(type: FixedPointType): { readonly lo: number; readonly hi: number } {
  return type.signed
    ? { lo: -(2 ** (type.w - 1)), hi: 2 ** (type.w - 1) - 1 }
    : { lo: 0, hi: 2 ** type.w - 1 };
}

/** Bits right of the binary point; negative where the last bit is worth more than 1. */
export function fractionBitsOf(type: FixedPointType): number {
  return type.w - type.i;
}

export type StorageBits = 8 | 16 | 32 | 64;

/** The least word of memory that holds a raw integer. */
export function storageBitsOf(type: FixedPointType): StorageBits {
  if (type.w <= 8) return 8;
  if (type.w <= 16) return 16;
  return type.w <= 32 ? 32 : 64;
}

/** What a fixed-point cast gives, slowly and without a doubt. */
import fc from "fast-check";
import type { FixedPointType } from "../../backends/contract.ts";

/** Every type that is possible, with binary points far apart. */
export const anyType: fc.Arbitrary<FixedPointType> = fc.record({
  w: fc.integer({ min: 1, max: 52 }),
  i: fc.integer({ min: -60, max: 60 }),
  signed: fc.boolean(),
  q: fc.constantFrom(
    "TRN",
    "TRN_ZERO",
    "RND",
    "RND_ZERO",
    "RND_MIN_INF",
    "RND_INF",
    "RND_CONV",
    "RND_CONV_ODD",
  ),
  o: fc.constantFrom("WRAP", "SAT", "SAT_ZERO", "SAT_SYM"),
});

/**
 * `value` times 2^`shift` as a raw integer of `type`: the tables of the vendors' user
 * guides in whole numbers of any size, written apart from every code under test.
 */
export function castExactly(value: bigint, shift: number, type: FixedPointType): bigint {
  let r = value << BigInt(Math.max(shift, 0));
  if (shift < 0) {
    const one = 1n << BigInt(-shift);
    const rest = ((value % one) + one) % one;
    r = (value - rest) / one;
    const side = 2n * rest - one;
    const up = {
      TRN: false,
      TRN_ZERO: value < 0n && rest > 0n,
      RND: side >= 0n,
      RND_ZERO: side > 0n || (side === 0n && value < 0n),
      RND_MIN_INF: side > 0n,
      RND_INF: side > 0n || (side === 0n && value >= 0n),
      RND_CONV: side > 0n || (side === 0n && r % 2n !== 0n),
      RND_CONV_ODD: side > 0n || (side === 0n && r % 2n === 0n),
    }[type.q];
    if (up) r += 1n;
  }
  const lo = type.signed ? -(1n << BigInt(type.w - 1)) : 0n;
  const hi = (1n << BigInt(type.signed ? type.w - 1 : type.w)) - 1n;
  switch (type.o) {
    case "WRAP":
      return type.signed ? BigInt.asIntN(type.w, r) : BigInt.asUintN(type.w, r);
    case "SAT":
      return r > hi ? hi : r < lo ? lo : r;
    case "SAT_ZERO":
      return r > hi || r < lo ? 0n : r;
    case "SAT_SYM": {
      const least = type.signed ? -hi : 0n;
      return r > hi ? hi : r < least ? least : r;
    }
  }
}

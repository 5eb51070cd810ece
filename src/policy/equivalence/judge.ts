/** Whether one element is what its class allows, and how far off it is in the unit of the class. */
import type { Datatype } from "../../../backends/contract.ts";
import type { ElementPairs } from "./elements.ts";
import type { EquivalenceClass } from "./types.ts";

export interface Judge {
  readonly unit: "ulp" | "lsb" | "abs";
  error(pairs: ElementPairs, at: number): number;
  allowed(pairs: ElementPairs, at: number, error: number): boolean;
}

/**
 * Elements of the class `physics` are told in absolute numbers; none of them is judged by itself.
 * @param datatype an output of integers carries raw ones, of which one LSB is 1
 */
export function judgeOf(equivalence: EquivalenceClass, datatype: Datatype): Judge {
  switch (equivalence.kind) {
    case "bit-exact":
      return { unit: "ulp", error: ulp, allowed: (pairs, at) => pairs.same(at) };
    case "ulp":
      return { unit: "ulp", error: ulp, allowed: (_pairs, _at, error) => error <= equivalence.max };
    case "abs-rel": {
      const { abs, rel } = equivalence;
      // A share of an infinite reference is infinite: nothing else is near it all the same.
      const allowed = (pairs: ElementPairs, at: number, error: number) =>
        error < Number.POSITIVE_INFINITY && error <= abs + rel * Math.abs(pairs.expected(at));
      return { unit: "abs", error: absolute, allowed };
    }
    case "fixed-point": {
      const isFloat = datatype.startsWith("FP") || datatype === "BF16";
      const perUnit = isFloat ? 2 ** (equivalence.w - equivalence.i) : 1;
      const error = (pairs: ElementPairs, at: number) => absolute(pairs, at) * perUnit;
      return { unit: "lsb", error, allowed: (_pairs, _at, units) => units <= equivalence.lsb };
    }
    case "physics":
      return { unit: "abs", error: absolute, allowed: () => true };
  }
}

function ulp(pairs: ElementPairs, at: number): number {
  return pairs.ulp(at);
}

/** From NaN to a number it is infinitely far. */
function absolute(pairs: ElementPairs, at: number): number {
  const distance = pairs.distance(at);
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
}

/**
 * How far two artifacts may be from each other that are both compared with the same reference: the sum of
 * what each is allowed. One that is the reference itself is allowed nothing (`bit-exact`).
 */

import { classOf } from "./comparison.ts";
import type { Equivalence, EquivalenceClass } from "./types.ts";

/** One unit of the last place, relative to the number, of FP32: the coarsest of the formats that classes in ulp are used for. */
const ULP_FP32 = 2 ** -23;
/** Smallest distance of two FP32 numbers. */
const LEAST_FP32 = 2 ** -149;

/** @param outputs names */
export function equivalenceBetween(
  live: Equivalence,
  shadow: Equivalence,
  outputs: readonly string[],
): Equivalence {
  return {
    class: between(live.class, shadow.class),
    outputs: Object.fromEntries(
      outputs.map((name) => [name, between(classOf(live, name), classOf(shadow, name))]),
    ),
  };
}

function between(a: EquivalenceClass, b: EquivalenceClass): EquivalenceClass {
  if (a.kind === "physics" || b.kind === "physics") return decisions(a, b);
  if (a.kind === "bit-exact") return b;
  if (b.kind === "bit-exact") return a;
  if (a.kind === "ulp" && b.kind === "ulp") return { kind: "ulp", max: a.max + b.max };
  if (a.kind === "fixed-point" && b.kind === "fixed-point" && a.w - a.i === b.w - b.i) {
    return { ...b, lsb: a.lsb + b.lsb };
  }
  const [x, y] = [absRel(a), absRel(b)];
  return { kind: "abs-rel", abs: x.abs + y.abs, rel: x.rel + y.rel };
}

type Elementwise = Exclude<EquivalenceClass, { kind: "physics" }>;

/** The narrowest class of this kind that allows as much. */
function absRel(of: Elementwise): { readonly abs: number; readonly rel: number } {
  switch (of.kind) {
    case "bit-exact":
      return { abs: 0, rel: 0 };
    case "ulp":
      return { abs: of.max * LEAST_FP32, rel: of.max * ULP_FP32 };
    case "abs-rel":
      return of;
    case "fixed-point":
      return { abs: of.lsb * 2 ** (of.i - of.w), rel: 0 };
  }
}

/** Who is judged by elements decides like the reference but where it is at the threshold: nothing is added for it. */
function decisions(a: EquivalenceClass, b: EquivalenceClass): EquivalenceClass {
  if (b.kind !== "physics") return a.kind === "physics" ? withoutAuc(a) : a;
  if (a.kind !== "physics") return withoutAuc(b);
  const agreement =
    a.minAgreement === undefined || b.minAgreement === undefined
      ? undefined
      : Math.max(0, a.minAgreement + b.minAgreement - 1);
  const apart =
    a.maxEfficiencyDifference === undefined || b.maxEfficiencyDifference === undefined
      ? undefined
      : a.maxEfficiencyDifference + b.maxEfficiencyDifference;
  const { minAgreement: _, maxEfficiencyDifference: __, ...rest } = withoutAuc(b);
  return {
    ...rest,
    ...(agreement !== undefined && { minAgreement: agreement }),
    ...(apart !== undefined && { maxEfficiencyDifference: apart }),
  };
}

/** Live requests have no labels. */
function withoutAuc(physics: Extract<EquivalenceClass, { kind: "physics" }>) {
  const { maxAucDifference: _, ...rest } = physics;
  return rest;
}

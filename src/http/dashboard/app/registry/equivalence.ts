/** In which sense an artifact computes the same, as somebody fills it in. */
import type { EquivalenceClass } from "../../../../policy/equivalence/types.ts";

/** How its numbers are written; none: nothing is to be written. */
export const CLASSES: Readonly<Record<Exclude<EquivalenceClass["kind"], "physics">, string>> = {
  "bit-exact": "",
  ulp: "units in the last place, such as 4",
  "abs-rel": "absolute, relative: 0.02, 0.001",
  "fixed-point": "bits, integer bits, LSBs: 16, 6, 1",
};

/** @throws Error with what was expected */
export function classFrom(kind: string, written: string): EquivalenceClass | undefined {
  if (!(kind in CLASSES)) return undefined;
  const numbers = written.split(",").filter((part) => part.trim() !== "");
  const [one = Number.NaN, two = 0, three = Number.NaN] = numbers.map(Number);
  const asked = CLASSES[kind as keyof typeof CLASSES];
  const finite = (...values: number[]) => {
    if (values.every(Number.isFinite)) return;
    throw new Error(`the class ${kind} needs ${asked}`);
  };
  switch (kind as keyof typeof CLASSES) {
    case "bit-exact":
      return { kind: "bit-exact" };
    case "ulp":
      finite(one);
      return { kind: "ulp", max: one };
    case "abs-rel":
      finite(one, two);
      return { kind: "abs-rel", abs: one, rel: two };
    case "fixed-point":
      finite(one, two, three);
      return { kind: "fixed-point", w: one, i: two, lsb: three };
  }
}

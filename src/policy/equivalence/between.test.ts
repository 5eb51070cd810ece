import { describe, expect, it } from "vitest";
import { equivalenceBetween } from "./between.ts";
import type { EquivalenceClass } from "./types.ts";

const exact = { kind: "bit-exact" } as const;
const ulp = (max: number) => ({ kind: "ulp", max }) as const;
const apFixed = (lsb: number) => ({ kind: "fixed-point", w: 16, i: 6, lsb }) as const;
const tagger = { kind: "physics", output: "y", threshold: 0.5 } as const;

describe("two artifacts that are each as far from a reference as they may", () => {
  it.each<[string, EquivalenceClass, EquivalenceClass, EquivalenceClass]>([
    ["one is the reference", exact, ulp(4), ulp(4)],
    ["both by ulp", ulp(4), ulp(3), ulp(7)],
    ["both by LSB of one format", apFixed(1), apFixed(2), apFixed(3)],
    [
      "by different measures",
      { kind: "abs-rel", abs: 0.5, rel: 0.25 },
      apFixed(1),
      { kind: "abs-rel", abs: 0.5 + 2 ** -10, rel: 0.25 },
    ],
    [
      "by ulp and relatively",
      ulp(2),
      { kind: "abs-rel", abs: 0, rel: 0 },
      { kind: "abs-rel", abs: 2 ** -148, rel: 2 ** -22 },
    ],
    [
      "both by decisions",
      { ...tagger, minAgreement: 0.75, maxEfficiencyDifference: 0.25 },
      { ...tagger, minAgreement: 0.5, maxEfficiencyDifference: 0.125, maxAucDifference: 0.1 },
      { ...tagger, minAgreement: 0.25, maxEfficiencyDifference: 0.375 },
    ],
    [
      "by decisions and by elements",
      exact,
      { ...tagger, minAgreement: 0.5 },
      { ...tagger, minAgreement: 0.5 },
    ],
  ])("are at most the sum apart: %s", (_, a, b, sum) => {
    expect(equivalenceBetween({ class: a }, { class: b }, ["y"])).toEqual({
      class: sum,
      outputs: { y: sum },
    });
  });

  it("are judged output by output", () => {
    const live = { class: ulp(1), outputs: { z: exact } };
    const shadow = { class: ulp(2) };
    expect(equivalenceBetween(live, shadow, ["y", "z"]).outputs).toEqual({ y: ulp(3), z: ulp(2) });
  });
});

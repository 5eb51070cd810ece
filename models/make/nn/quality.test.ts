import { describe, expect, it } from "vitest";
import { Random } from "../random.ts";
import { accuracy, areaUnderCurve, effectiveSigma } from "./quality.ts";

describe("the area under the curve", () => {
  it.each([
    ["1 where every signal scores higher", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1],
    ["0 where every signal scores lower", [0.8, 0.9, 0.1, 0.2], [0, 0, 1, 1], 0],
    ["1/2 where all scores are equal", [0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5],
    ["the share of pairs in order", [1, 3, 2, 4], [0, 0, 1, 1], 0.75],
  ])("is %s", (_, scores, truth, area) => {
    expect(areaUnderCurve(scores, truth)).toBeCloseTo(area, 12);
  });
});

describe("the accuracy", () => {
  it("counts the rows whose highest score is the true class", () => {
    expect(accuracy([0.1, 0.9, 0.8, 0.2, 0.3, 0.7], 2, [1, 1, 1])).toBeCloseTo(2 / 3, 12);
  });
});

describe("the effective sigma", () => {
  it("is the standard deviation of a Gaussian, whatever a few outliers do", () => {
    const random = new Random(1);
    const values = Array.from({ length: 20_000 }, () => random.normal(5, 3));
    values.push(1e9, -1e9);
    expect(Math.abs(effectiveSigma(values) - 3)).toBeLessThan(0.1);
  });
});

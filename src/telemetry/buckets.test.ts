import { describe, expect, it } from "vitest";
import { Buckets } from "./buckets.ts";

describe("values counted in buckets", () => {
  it("lie in the first bucket whose bound they do not exceed", () => {
    const buckets = new Buckets([1, 2, 5]);
    for (const value of [0, 1, 1.001, 2, 4.9, 5, 5.1, 1e9]) buckets.observe(value);
    expect(buckets.cumulative()).toEqual([2, 4, 6, 8]);
    expect(buckets.sum).toBeCloseTo(0 + 1 + 1.001 + 2 + 4.9 + 5 + 5.1 + 1e9);
  });

  it("lie there whatever came before, one by one or several at once", () => {
    const buckets = new Buckets([1, 2, 5]);
    const values = [0.5, 1, 2, 1.5, 9, 5, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const before of values) {
      for (const value of values) {
        buckets.observe(before);
        const expected = [1, 2, 5].filter((bound) => value > bound).length;
        expect(buckets.observe(value, 3)).toBe(expected);
      }
    }
    expect(buckets.count).toBe(4 * values.length ** 2);
    expect([0, 1, 2, 3].map((at) => buckets.at(at))).toEqual([4, 2, 1, 2].map((n) => 36 * n));
  });
});

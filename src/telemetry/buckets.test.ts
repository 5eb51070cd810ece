import { describe, expect, it } from "vitest";
import { Buckets } from "./buckets.ts";

describe("values counted in buckets", () => {
  it("lie in the first bucket whose bound they do not exceed", () => {
    const buckets = new Buckets([1, 2, 5]);
    for (const value of [0, 1, 1.001, 2, 4.9, 5, 5.1, 1e9]) buckets.observe(value);
    expect(buckets.cumulative()).toEqual([2, 4, 6, 8]);
    expect(buckets.sum).toBeCloseTo(0 + 1 + 1.001 + 2 + 4.9 + 5 + 5.1 + 1e9);
  });
});

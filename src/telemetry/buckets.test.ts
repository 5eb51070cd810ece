import { describe, expect, it } from "vitest";
import { Buckets } from "./buckets.ts";
import { STAGE_BOUNDS_SECONDS } from "./stage-times.ts";

describe("values counted in buckets", () => {
  it("lie in the first bucket whose bound they do not exceed", () => {
    const buckets = new Buckets([1, 2, 5]);
    for (const value of [0, 1, 1.001, 2, 4.9, 5, 5.1, 1e9]) buckets.observe(value);
    expect(buckets.cumulative()).toEqual([2, 4, 6, 8]);
    expect(buckets.sum).toBeCloseTo(0 + 1 + 1.001 + 2 + 4.9 + 5 + 5.1 + 1e9);
  });

  it.each([
    ["of stages", STAGE_BOUNDS_SECONDS],
    ["of which one is no multiple of the lowest", [0.3, 1, 2]],
    ["of which some are below zero", [-1, 0, 3]],
    ["of which there is one", [4]],
  ])("lie where a search finds them, with bounds %s", (_what, bounds) => {
    const buckets = new Buckets(bounds);
    const edges = bounds.flatMap((bound) => [bound, bound * (1 - 1e-9), bound * (1 + 1e-9)]);
    const between = Array.from({ length: 2000 }, (_, at) => 1e-4 * 1.006 ** at);
    for (const value of [...edges, ...between, 0, -0, -5, 1e300]) {
      const expected = bounds.filter((bound) => value > bound).length;
      expect([value, buckets.indexOf(value)]).toEqual([value, expected]);
    }
  });

  it("lie there whatever came before, one by one or several at once", () => {
    const buckets = new Buckets([1, 2, 5]);
    const values = [0.5, 1, 2, 1.5, 9, 5, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const before of values) {
      for (const value of values) {
        buckets.observe(before);
        const expected = [1, 2, 5].filter((bound) => value > bound).length;
        buckets.observeAll(Float64Array.of(value), Float64Array.of(3), 1);
        expect(buckets.indexOf(value)).toBe(expected);
      }
    }
    expect(buckets.count).toBe(4 * values.length ** 2);
    expect([0, 1, 2, 3].map((at) => buckets.at(at))).toEqual([4, 2, 1, 2].map((n) => 36 * n));
  });

  it.each([
    ["of stages", STAGE_BOUNDS_SECONDS],
    ["of which one is no multiple of the lowest", [0.3, 1, 2]],
  ])("lie there one by one or all at once, with bounds %s", (_what, bounds) => {
    const [single, together] = [new Buckets(bounds), new Buckets(bounds)];
    const values = Float64Array.from({ length: 500 }, (_, at) => 1e-4 * 1.03 ** at);
    const times = Float64Array.from(values, (_, at) => 1 + (at % 3));
    for (let at = 0; at < 499; at += 1) {
      for (let many = times[at] ?? 0; many > 0; many -= 1) single.observe(values[at] ?? 0);
    }
    together.observeAll(values, times, 200);
    together.observeAll(values.subarray(200), times.subarray(200), 299);
    together.observeAll(values, times, 0);
    expect(together.cumulative()).toEqual(single.cumulative());
    expect(together.sum / single.sum).toBeCloseTo(1, 12);
    expect(together.count).toBe(times.subarray(0, 499).reduce((sum, many) => sum + many, 0));
  });
});

import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "./latency-histogram.ts";

describe("a latency histogram", () => {
  it("finds the quantiles of what it was given within 1.1 %", () => {
    const histogram = new LatencyHistogram();
    for (let us = 1; us <= 100_000; us++) histogram.record(us / 1000);
    for (const share of [0.5, 0.9, 0.99, 0.999]) {
      const off = histogram.quantileMs(share) / (share * 100) - 1;
      expect(Math.abs(off)).toBeLessThan(0.011);
    }
    expect(histogram.total).toBe(100_000);
  });

  it("never answers more than the largest latency", () => {
    const histogram = new LatencyHistogram();
    histogram.record(12.34);
    expect(histogram.quantileMs(1)).toBeLessThanOrEqual(12.34);
    expect(histogram.largestMs).toBe(12.34);
  });

  it("keeps what lies outside its range in the outermost buckets", () => {
    const histogram = new LatencyHistogram();
    histogram.record(0);
    histogram.record(1e9);
    expect(histogram.total).toBe(2);
    expect(histogram.quantileMs(0.5)).toBeLessThan(0.002);
  });

  it("answers 0 while it is empty", () => {
    expect(new LatencyHistogram().quantileMs(0.5)).toBe(0);
  });
});

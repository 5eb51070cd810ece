import { describe, expect, it } from "vitest";
import { Latencies } from "./latencies.ts";

function upTo(largest: number): Latencies {
  const latencies = new Latencies();
  for (let ms = 1; ms <= largest; ms++) latencies.record(ms);
  return latencies;
}

describe("latencies of 1 to 1000 ms", () => {
  const latencies = upTo(1000);

  it("have the quantiles that they have, to three digits", () => {
    for (const share of [0.5, 0.9, 0.99, 0.999]) {
      expect(Math.abs(latencies.quantileMs(share) / (share * 1000) - 1)).toBeLessThan(2e-3);
    }
    expect(Math.abs(latencies.meanMs / 500.5 - 1)).toBeLessThan(2e-3);
    expect(latencies.maxMs).toBeGreaterThanOrEqual(1000);
  });

  it("tell which share lies within a time", () => {
    for (const ms of [1, 250, 500, 999]) {
      expect(Math.abs(latencies.shareWithin(ms) - ms / 1000)).toBeLessThan(2e-3);
    }
    expect(latencies.shareWithin(0.5)).toBe(0);
    expect(latencies.shareWithin(2000)).toBe(1);
  });

  it("are the same after a journey to another process", () => {
    const arrived = Latencies.decode(latencies.encode());
    expect(arrived.count).toBe(1000);
    for (const share of [0.5, 0.99, 1]) {
      expect(arrived.quantileMs(share)).toBe(latencies.quantileMs(share));
    }
  });

  it("merge with others into what one histogram would hold", () => {
    const merged = Latencies.decode(upTo(500).encode());
    merged.add(Latencies.decode(latencies.encode()));
    expect(merged.count).toBe(1500);
    expect(Math.abs(merged.quantileMs(2 / 3) / 500 - 1)).toBeLessThan(2e-3);
  });

  it("are written as HdrHistogram's plotters read them", () => {
    const lines = latencies.percentileDistribution().trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ +Value +Percentile +TotalCount 1\/\(1-Percentile\)$/);
    expect(lines.at(-1)).toMatch(/^#\[Buckets = +\d+, SubBuckets += +\d+\]$/);
    expect(lines.at(-2)).toContain("Total count    =         1000");
  });
});

describe("latencies at the ends of the range", () => {
  it("take what is shorter or longer than it holds", () => {
    const latencies = new Latencies();
    latencies.record(-1);
    latencies.record(1e9);
    expect(latencies.count).toBe(2);
    expect(latencies.quantileMs(0.5)).toBe(0);
    expect(latencies.maxMs).toBeGreaterThan(199_000);
  });

  it("keep microseconds apart", () => {
    const latencies = new Latencies();
    latencies.record(0.05);
    expect(latencies.quantileMs(1)).toBeCloseTo(0.05, 4);
  });
});

it("an empty histogram answers 0", () => {
  expect(new Latencies().quantileMs(0.5)).toBe(0);
  expect(new Latencies().meanMs).toBe(0);
});

import { describe, expect, it } from "vitest";
import { isStable } from "./stability.ts";

const windows = (...pairs: [number, number][]) =>
  pairs.map(([answeredPerSecond, latencyMs]) => ({ answeredPerSecond, latencyMs }));

describe("a closed loop", () => {
  it("is stable once three windows agree in throughput and latency", () => {
    expect(isStable(windows([1000, 2], [1050, 2.1], [1020, 2.05]), 0.1)).toBe(true);
  });

  it("is judged by the last three only", () => {
    expect(isStable(windows([10, 90], [1000, 2], [1050, 2.1], [1020, 2.05]), 0.1)).toBe(true);
  });

  it("is not stable while either of both still moves, or nothing is answered", () => {
    expect(isStable(windows([1000, 2], [1101, 2], [1000, 2]), 0.1)).toBe(false);
    expect(isStable(windows([1000, 2], [1000, 2.3], [1000, 2]), 0.1)).toBe(false);
    expect(isStable(windows([0, 0], [0, 0], [0, 0]), 0.1)).toBe(false);
    expect(isStable(windows([1000, 2], [1000, 2]), 0.1)).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { cpuMetrics } from "./cpu-metrics.ts";

describe("how busy the machine is", () => {
  it("is taken over the time between two looks, and no shorter than the interval", () => {
    let now = 0;
    let times = { busyMs: 0, totalMs: 0 };
    const [utilization, total, used] = cpuMetrics(
      1000,
      () => now,
      () => times,
    );
    const read = (metric = utilization) => [...(metric?.read() ?? [])][0]?.value ?? Number.NaN;
    now = 1000;
    times = { busyMs: 300, totalMs: 1200 };
    expect(read()).toBe(0.25);
    now = 1500;
    times = { busyMs: 9000, totalMs: 10_000 };
    expect(read()).toBe(0.25);
    now = 2000;
    times = { busyMs: 2300, totalMs: 3200 };
    expect(read()).toBe(1);
    expect(read(used)).toBeGreaterThan(0);
    expect(read(used)).toBeLessThan(read(total));
  });
});

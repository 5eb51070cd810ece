import { describe, expect, it } from "vitest";
import { machineTimes } from "./process-usage.ts";

describe("times of the machine", () => {
  it("are those of all cores, by what they went into", () => {
    // user, nice, system, idle, iowait, irq, softirq, steal, and guests, which are in user and nice
    const stat = "cpu  100 20 30 4000 50 6 7 800 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
    const { idle, stolen, busy } = machineTimes(stat);
    expect(idle).toBeCloseTo(40.5, 6);
    expect(stolen).toBeCloseTo(8, 6);
    expect(busy).toBeCloseTo(1.63, 6);
  });
});

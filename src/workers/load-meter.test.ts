import { describe, expect, it } from "vitest";
import { LoadMeter } from "./load-meter.ts";

describe("the load of a worker", () => {
  it("comes near 1 for one that executes all the time", () => {
    const meter = new LoadMeter(0);
    for (let now = 10; now <= 30_000; now += 10) meter.add(10, now);
    expect(meter.share(30_000)).toBeGreaterThan(0.99);
    expect(meter.share(30_000)).toBeLessThan(1.01);
  });

  it("is forgotten within seconds", () => {
    const meter = new LoadMeter(0);
    for (let now = 10; now <= 30_000; now += 10) meter.add(10, now);
    expect(meter.share(45_000)).toBeLessThan(0.06);
  });
});

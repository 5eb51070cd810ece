import { describe, expect, it } from "vitest";
import { DrainMeter } from "./drain-meter.ts";
import { JobStarts } from "./sonic.ts";
import { TenantUsage } from "./tenant-usage.ts";

/** Answers `rowsPerSecond` of what is held, in steps of 10 ms. */
function serve(meter: DrainMeter, rowsPerSecond: number, fromMs: number, toMs: number): void {
  for (let now = fromMs + 10; now <= toMs; now += 10) meter.letGo(rowsPerSecond / 100, true, now);
}

describe("how long held rows will take", () => {
  it("is nothing where none are held", () => {
    const meter = new DrainMeter();
    expect(meter.drainMs(5)).toBe(0);
    meter.hold(10, 5);
    meter.letGo(10, true, 6);
    expect(meter.drainMs(7)).toBe(0);
  });

  it("is their number by the rate of answers, from the first answers on", () => {
    const meter = new DrainMeter();
    meter.hold(5000, 0);
    for (const at of [20, 200, 1000, 2000]) {
      const begun = new DrainMeter();
      begun.hold(5000, 0);
      serve(begun, 1000, 0, at);
      expect(begun.drainMs(at) / (5000 - at)).toBeCloseTo(1, 1);
    }
    serve(meter, 1000, 0, 4990);
    expect(meter.drainMs(4990)).toBeLessThan(20);
  });

  it("grows while nothing is answered", () => {
    const meter = new DrainMeter();
    meter.hold(10, 0);
    expect(meter.drainMs(1)).toBe(1);
    expect(meter.drainMs(3000)).toBe(3000);
    meter.letGo(1, false, 3000);
    expect(meter.drainMs(4000)).toBe(4000);
  });

  it("follows a rate that changes within seconds", () => {
    const meter = new DrainMeter();
    meter.hold(1e6, 0);
    serve(meter, 10_000, 0, 10_000);
    serve(meter, 1000, 10_000, 18_000);
    expect(meter.drainMs(18_000) / (meter.heldRows * 1)).toBeCloseTo(1, 1);
  });
});

describe("a job of a CMSSW tenant that begins", () => {
  const rules = { patienceMs: 10_000, startsPerSecond: 5 };
  const taking = (drainMs: number) => ({
    ...{ drainMs: () => drainMs, exhausted: () => undefined, heldRows: 7 },
  });

  it("may while its tenant's work gets done in time, however many begin", () => {
    const starts = new JobStarts(rules);
    for (let job = 0; job < 500; job += 1) {
      expect(starts.refusal("cms", taking(5_000), 0)).toBeUndefined();
    }
  });

  it("is one of so many a second while work piles up", () => {
    const starts = new JobStarts(rules);
    let begun = 0;
    for (let now = 0; now < 10_000; now += 5) {
      if (starts.refusal("cms", taking(5_001), now) === undefined) begun += 1;
    }
    // 50 in the 10 s, and the burst of the first second.
    expect(begun).toBeGreaterThanOrEqual(54);
    expect(begun).toBeLessThanOrEqual(55);
    const refusal = starts.refusal("cms", taking(5_001), 9_995);
    expect(refusal?.message).toContain("more than 5 jobs a second begin");
  });

  it("may not while the work takes longer than it is to take, and is told what to do", () => {
    const refusal = new JobStarts(rules).refusal("cms", taking(34_567), 0);
    expect(refusal).toMatchObject({ code: "UNAVAILABLE", retryMs: 24_567 });
    expect(refusal?.message).toBe(
      "tenant 'cms' does not get its share now: 7 rows of it are in the gateway, which take 34.6 s " +
        "as things go; use another server, or begin later",
    );
  });

  it("may not while the device time of the day is used up", () => {
    const usage = new TenantUsage({ quota: { deviceSecondsPerDay: 60 }, sonic: true }, 0);
    const starts = new JobStarts(rules);
    expect(starts.refusal("cms", usage, 0)).toBeUndefined();
    usage.ran(61, 0);
    expect(starts.refusal("cms", usage, 0)?.message).toContain(
      "61 of 60 device seconds in 24 hours are used",
    );
  });
});

import { describe, expect, it } from "vitest";
import type { Quota } from "../../inference/caller.ts";
import { quotaRefusal } from "./refusal.ts";
import { TenantUsage } from "./tenant-usage.ts";

const HOUR_MS = 3_600_000;
const under = (quota: Quota, now = 0) => new TenantUsage({ quota, sonic: false }, now);

describe("a limit of rows a second", () => {
  it("lets a burst of one second through, then tells when the next request fits", () => {
    const usage = under({ rowsPerSecond: 100 });
    expect(usage.admit(60, 0, 0)).toBeUndefined();
    expect(usage.admit(40, 0, 0)).toBeUndefined();
    expect(usage.admit(10, 0, 0)).toEqual({
      limit: "rowsPerSecond",
      allowed: 100,
      current: 100,
      retryMs: 100,
    });
    expect(usage.admit(10, 0, 99)?.retryMs).toBe(1);
    expect(usage.admit(10, 0, 100)).toBeUndefined();
  });

  it("lets a client that retries when it is told have exactly its rate", () => {
    const usage = under({ rowsPerSecond: 1000 });
    let rows = 0;
    for (let now = 0; now < 20_000; ) {
      const refusal = usage.admit(16, 0, now);
      if (refusal === undefined) rows += 16;
      else now += refusal.retryMs ?? Number.NaN;
    }
    // The burst of the first second is on top; the last request may begin just before the end.
    expect(rows).toBeGreaterThan(20_900);
    expect(rows).toBeLessThanOrEqual(21_016);
  });

  it("takes a request of more than a second's worth from a full bucket, and has it paid for", () => {
    const usage = under({ rowsPerSecond: 100 });
    expect(usage.admit(250, 0, 0)).toBeUndefined();
    expect(usage.admit(1, 0, 0)?.retryMs).toBe(1510);
    expect(usage.admit(250, 0, 2000)?.retryMs).toBe(500);
    expect(usage.admit(250, 0, 2500)).toBeUndefined();
  });

  it("counts nothing of a request that was refused or taken back", () => {
    const usage = under({ rowsPerSecond: 100, bytesPerSecond: 50 });
    expect(usage.admit(10, 51, 0)).toBeUndefined();
    expect(usage.admit(10, 40, 0)?.limit).toBe("bytesPerSecond");
    expect(usage.use(0)).toEqual({ rowsPerSecond: 10, bytesPerSecond: 51 });
    usage.takeBack(10, 51);
    expect(usage.use(0)).toEqual({ rowsPerSecond: 0, bytesPerSecond: 0 });
  });

  it("that is changed holds at once, and what was used stays used", () => {
    const usage = under({ rowsPerSecond: 100 });
    usage.admit(100, 0, 0);
    usage.setTerms({ quota: { rowsPerSecond: 150 }, sonic: false }, 0);
    expect(usage.admit(51, 0, 0)?.current).toBe(100);
    expect(usage.admit(50, 0, 0)).toBeUndefined();
    usage.setTerms({ quota: {}, sonic: false }, 0);
    expect(usage.watched).toBe(false);
    expect(usage.admit(1e9, 1e9, 0)).toBeUndefined();
  });

  it("that is lowered under a flood lets it go on at the lower rate, from now on", () => {
    const usage = under({ rowsPerSecond: 2000 });
    usage.admit(2000, 0, 0);
    usage.setTerms({ quota: { rowsPerSecond: 40 }, sonic: false }, 0);
    expect(usage.admit(10, 0, 0)?.retryMs).toBe(250);
    expect(usage.admit(10, 0, 250)).toBeUndefined();
    expect(usage.admit(10, 0, 250)?.retryMs).toBe(250);
  });

  it("of which this gateway has another part for a while has no second burst", () => {
    const usage = under({ rowsPerSecond: 100 });
    usage.admit(100, 0, 0);
    usage.setShare({ quota: { rowsPerSecond: 10 }, sonic: false }, 0);
    usage.setShare({ quota: { rowsPerSecond: 100 }, sonic: false }, 0);
    expect(usage.admit(1, 0, 0)?.current).toBe(100);
  });
});

describe("a limit of bytes at once", () => {
  it("is free again when the requests have ended", () => {
    const usage = under({ concurrentBytes: 100 });
    expect(usage.admit(1, 80, 0)).toBeUndefined();
    usage.hold(1, 80, 0);
    expect(usage.admit(1, 21, 0)).toMatchObject({ limit: "concurrentBytes", current: 80 });
    usage.letGo(1, 80, true, 0);
    expect(usage.admit(1, 21, 0)).toBeUndefined();
  });

  it("is never met by a request that alone is larger", () => {
    const refusal = under({ concurrentBytes: 100 }).admit(1, 101, 0);
    expect(refusal).toMatchObject({ current: 0, retryMs: undefined });
  });
});

describe("a limit of device seconds a day", () => {
  it("holds until enough of what was used is older than a day", () => {
    const usage = under({ deviceSecondsPerDay: 60 });
    usage.ran(40, 0);
    usage.ran(25, 2 * HOUR_MS);
    expect(usage.admit(1, 0, 3 * HOUR_MS)).toEqual({
      limit: "deviceSecondsPerDay",
      allowed: 60,
      current: 65,
      retryMs: 21 * HOUR_MS,
    });
    expect(usage.admit(1, 0, 24 * HOUR_MS - 1)).toBeDefined();
    expect(usage.admit(1, 0, 24 * HOUR_MS)).toBeUndefined();
    expect(usage.use(24 * HOUR_MS)).toEqual({ deviceSecondsPerDay: 25 });
    expect(usage.use(30 * HOUR_MS)).toEqual({ deviceSecondsPerDay: 0 });
  });

  it("counts what was used before the process began, and before the limit was set", () => {
    const usage = under({});
    usage.ran(30, -23 * HOUR_MS);
    usage.ran(99, -25 * HOUR_MS);
    usage.setTerms({ quota: { deviceSecondsPerDay: 10 }, sonic: false }, 0);
    expect(usage.exhausted(0)).toMatchObject({ current: 30, retryMs: HOUR_MS });
  });

  it("adds up exactly what a day of small executions took", () => {
    const usage = under({ deviceSecondsPerDay: 1e9 });
    for (let minute = 0; minute < 3 * 24 * 60; minute += 1) usage.ran(0.25, minute * 60_000);
    const buckets = (usage.use(3 * 24 * HOUR_MS - 1).deviceSecondsPerDay ?? 0) / (15 * 0.25);
    expect(buckets).toBe(96);
  });
});

describe("what a client over its quota is told", () => {
  it("is the limit, what is used, what it asked for, and when to come again", () => {
    const usage = under({ rowsPerSecond: 100 });
    usage.admit(90, 0, 0);
    const refusal = usage.admit(64, 128, 0);
    if (refusal === undefined) throw new Error("admitted");
    const error = quotaRefusal("cms", refusal, { rows: 64, bytes: 128 });
    expect(error.message).toBe(
      "tenant 'cms' is over its quota 'rowsPerSecond': 90 of 100 rows a second are used, " +
        "this request has 64; retry in 540 ms, or ask the operator for more",
    );
    expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED", retryMs: 540 });
  });

  it("is to send smaller requests where waiting does not help", () => {
    const refusal = under({ concurrentBytes: 10 }).admit(1, 11, 0);
    if (refusal === undefined) throw new Error("admitted");
    const error = quotaRefusal("cms", refusal, { rows: 1, bytes: 11 });
    expect(error.message).toContain("it can never fit: send smaller requests");
    expect(error.retryMs).toBe(-1);
  });
});

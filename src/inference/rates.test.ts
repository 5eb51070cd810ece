import { describe, expect, it } from "vitest";
import { deviceRates, type ModelWork, modelRates } from "./rates.ts";

const work = (requests: number, more: Partial<ModelWork> = {}): ModelWork => ({
  ...{ requests, failed: 0, rows: 4 * requests, executions: requests / 2 },
  ...{ queueNs: requests * 1e6, computeNs: requests * 3e6, computed: requests },
  ...more,
});

describe("rates of a model", () => {
  it("are of the time between, and means of what came in it", () => {
    expect(modelRates(work(100), work(300, { failed: 6 }), 2)).toEqual({
      ...{ requestsPerSecond: 100, rowsPerSecond: 400, failuresPerSecond: 3 },
      ...{ batchRows: 8, queueMs: 1, computeMs: 3 },
    });
  });

  it("leave out of the mean computation what the cache answered", () => {
    const now = work(300, { computed: 150, computeNs: 400e6 });
    expect(modelRates(work(100), now, 1).computeMs).toBe(2);
  });

  it("have no means where nothing came, and begin anew where a counter fell", () => {
    expect(modelRates(work(100), work(100), 1)).toEqual({
      ...{ requestsPerSecond: 0, rowsPerSecond: 0, failuresPerSecond: 0 },
    });
    expect(modelRates(work(100), work(10), 1).requestsPerSecond).toBe(10);
  });
});

describe("rates of a device", () => {
  it("are a part of the time, and rows", () => {
    expect(deviceRates({ busySeconds: 1, rows: 5 }, { busySeconds: 2, rows: 45 }, 4)).toEqual({
      ...{ busy: 0.25, rowsPerSecond: 10 },
    });
  });

  it("are unknown of one that nobody told of before, and where nothing is measured", () => {
    expect(deviceRates(undefined, { busySeconds: 2, rows: 45 }, 4)).toEqual({});
    expect(deviceRates({}, {}, 4)).toEqual({});
  });
});

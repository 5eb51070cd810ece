import { describe, expect, it } from "vitest";
import type { DeviceReport } from "../../inference/device-report.ts";
import { type Figures, figuresBetween } from "./figures.ts";
import type { ModelCounts, Sample } from "./sample.ts";
import { rate, screen } from "./screen.ts";

const counts = (name: string, rows: number, batches = rows, fail = 0): ModelCounts => ({
  name,
  version: "1",
  inference_count: rows,
  execution_count: batches,
  inference_stats: {
    success: { count: rows, ns: rows * 3e6 },
    fail: { count: fail, ns: 0 },
    queue: { count: rows, ns: rows * 1e6 },
    compute_infer: { count: rows, ns: rows * 2e6 },
  },
});

const board = (busySeconds: number, more: Partial<DeviceReport> = {}): DeviceReport => ({
  id: "u50-0",
  backend: "xilinx-u50",
  vendor: "xilinx",
  platform: "xilinx_u50",
  state: "ready",
  emulated: true,
  model: "jets/1/u50",
  breaker: "closed",
  rows: busySeconds * 1000,
  busySeconds,
  ...more,
});

const used = (tenant: string, deviceSeconds: number, refused = 0) => ({
  ...{ tenant, model: "jets", version: "1", variant: "", device: "cpu", hour: "" },
  ...{ requests: deviceSeconds * 10, rows: deviceSeconds * 20, bytesIn: 0, bytesOut: 0 },
  ...{
    deviceSeconds,
    joules: null,
    measuredSeconds: 0,
    refused: refused > 0 ? { QUOTA: refused } : {},
  },
});

const tenants = {
  generation: 1,
  durable: true,
  tenants: ["cms", "atlas"].map((name) => ({
    ...{ name, weight: 1, guarantee: 0.5, sonic: false, models: ["*"] },
    ...{ quota: { rowsPerSecond: 200 }, used: { rowsPerSecond: name === "cms" ? 150 : 0 } },
  })),
};

const sample = (seconds: number, changes: Partial<Sample> = {}): Sample => ({
  at: seconds * 1000,
  models: [counts("idle", 7), counts("jets", seconds * 100, seconds * 25, seconds)],
  index: [
    { name: "idle", version: "1", state: "READY" },
    { name: "jets", version: "1", state: "READY" },
    { name: "broken", version: "1", state: "UNAVAILABLE", reason: "no model.onnx" },
  ],
  devices: [board(seconds / 4)],
  tenants,
  usage: [used("cms", seconds * 0.75, seconds * 4), used("atlas", seconds * 0.25)],
  ...changes,
});

describe("figures", () => {
  const { models, devices, tenants: shares } = figuresBetween(sample(2), sample(4));

  it("are rates over the interval, busiest first, then what does not serve", () => {
    expect(models.map(({ name }) => name)).toEqual(["jets", "broken", "idle"]);
    expect(models[0]).toEqual({
      ...{ name: "jets", version: "1", state: "READY", reason: "" },
      ...{ requestsPerSecond: 100, failuresPerSecond: 1, rowsPerSecond: 100 },
      ...{ batchRows: 4, queueMs: 1, computeMs: 2 },
    });
    expect(models[2]).not.toHaveProperty("queueMs");
  });

  it("of devices and tenants are parts of the time", () => {
    expect(devices).toMatchObject([{ id: "u50-0", busy: 0.25, rowsPerSecond: 250 }]);
    expect(shares).toMatchObject([
      { name: "cms", share: 0.75, refusedPerSecond: 4, quotaUsed: { rowsPerSecond: 0.75 } },
      { name: "atlas", share: 0.25, refusedPerSecond: 0, requestsPerSecond: 2.5 },
    ]);
  });

  it("begin anew where a counter fell: the gateway was started again", () => {
    const fresh = { models: [counts("jets", 50)], devices: [board(0.1)] };
    const again = figuresBetween(sample(2), sample(3, fresh));
    expect(again.models[0]).toMatchObject({ name: "jets", rowsPerSecond: 50 });
    expect(again.devices).toMatchObject([{ busy: 0.1 }]);
  });

  it("are unknown, not zero, where nobody tells them", () => {
    const { busySeconds: _, ...unmeasured } = board(0);
    const silent = { usage: "no ledger", devices: [unmeasured] };
    const figures = figuresBetween(sample(2), sample(3, silent));
    expect(figures.devices).not.toMatchObject([{ busy: expect.anything() }]);
    expect(figures.tenants).not.toMatchObject([{ rowsPerSecond: expect.anything() }]);
    expect(figuresBetween(sample(2), sample(3, { devices: "not for you" })).devices).toBe(
      "not for you",
    );
  });
});

describe("the screen", () => {
  const figures = figuresBetween(sample(2), sample(4));
  const told = { origin: "http://gate:8000", time: "2026-11-28T12:00:00Z" };
  const drawn = (columns: number, rows = 99, of: Figures = figures, colour = false) =>
    screen(of, told, { columns, rows }, colour);

  it("tells everything where there is room", () => {
    const lines = drawn(200);
    expect(lines[0]).toBe(
      "http://gate:8000  2026-11-28T12:00:00Z  100 rows/s  2 of 3 models ready",
    );
    const text = lines.join("\n");
    expect(text).toMatch(/^jets:1 +READY +100 +100 +1\.0 +4 +1 +2$/m);
    expect(text).toMatch(/^broken:1 +UNAVAILABLE .*no model\.onnx$/m);
    expect(text).toMatch(/^u50-0 \(emulated\) +ready +25% +250 +jets\/1\/u50$/m);
    expect(text).toMatch(/^cms +75% +50% +1 +7\.5 +15 +4\.0 +rowsPerSecond 75%$/m);
  });

  it.each([20, 40, 60, 80, 120])(
    "is never wider than %i columns, and keeps what matters",
    (columns) => {
      const lines = drawn(columns);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      expect(lines.some((line) => line.startsWith("jets:1"))).toBe(true);
      if (columns >= 40) expect(lines.join("\n")).toMatch(/^cms +75%/m);
    },
  );

  it("is never higher than the terminal, and says how many models are left out", () => {
    const models = Array.from({ length: 60 }, (_, at) => counts(`m${at}`, 1));
    const index = models.map(({ name }) => ({ name, version: "1", state: "READY" }));
    const many = figuresBetween(sample(2, { models, index }), sample(3, { models, index }));
    const lines = drawn(80, 24, many);
    expect(lines).toHaveLength(24);
    expect(lines.join("\n")).toMatch(/^and \d\d more$/m);
    expect(lines.join("\n")).toMatch(/^cms /m);
    expect(drawn(80, 3, many)).toHaveLength(3);
  });

  it("is in colour only where asked", () => {
    expect(drawn(80).join("\n")).not.toContain("\u001b");
    expect(drawn(80, 99, figures, true).join("\n")).toContain("\u001b[31mUNAVAILABLE");
  });

  it("shows control characters in names instead of obeying them", () => {
    const name = "a\u001b[2Jb\nc";
    const hostile = { models: [counts(name, 9)], index: [] };
    const lines = drawn(120, 99, figuresBetween(sample(2), sample(3, hostile)));
    expect(lines.join("\n")).toContain("a\\u001b[2Jb\\u000ac:1");
  });
});

describe("a rate", () => {
  it.each([
    [0, "0"],
    [0.04, "0.0"],
    [9.9, "9.9"],
    [9.96, "10"],
    [12_345, "12.3k"],
    [2_500_000, "2.50M"],
    [undefined, "-"],
  ])("of %s is %s", (value, text) => expect(rate(value)).toBe(text));
});

import { describe, expect, it } from "vitest";
import type { Sample } from "../../inference/dashboard-report.ts";
import { readRunbook } from "../../telemetry/runbook.ts";
import { quantile, snapshotOf } from "./figures.ts";

const counts = { name: "jets", version: "1", failures: {}, waiting: 0, batches: [] };
const worker = {
  ...{ device: "u50-0", pid: 4712, state: "ready" as const, instances: ["jets/1"] },
  ...{ inFlight: 0, respawns: 1 },
};
const board = {
  ...{ id: "u50-0", backend: "xilinx-u50", vendor: "xilinx", platform: "u50", emulated: true },
  ...{ state: "ready" as const, model: "jets/1" },
};
const tenant = { weight: 1, guarantee: 0.5, sonic: false, models: ["*"], quota: {}, used: {} };

function sample(seconds: number, more: Partial<Sample> = {}): Sample {
  const requests = seconds * 100;
  return {
    ...{ atMs: seconds * 1000, clockMs: seconds * 1000 },
    ...{ version: "1.0.0", authenticated: true, ready: true, termsGeneration: 7 },
    cluster: { redis: "off", listAgeSeconds: 0, gateways: [] },
    index: [{ name: "jets", version: "1", state: "READY", reason: "" }],
    models: [
      {
        ...counts,
        ...{ requests, failed: 0, rows: 4 * requests, executions: requests / 2 },
        ...{ queueNs: requests * 1e6, computeNs: requests * 3e6, computed: requests },
        batches: [
          [7, requests / 4],
          [8, requests / 8],
          [1, requests / 8],
        ],
      },
    ],
    latencies: [
      {
        model: "jets",
        version: "1",
        tenant: "cms",
        device: "u50-0",
        bounds: [0.001, 0.01],
        counts: [requests, 0, 0],
      },
    ],
    variants: [
      {
        ...{ model: "jets", version: "1", variant: "xilinx", vendor: "xilinx", platform: "u50" },
        ...{ numericClass: "fixed", emulated: true, devices: ["u50-0"], instances: 1 },
      },
    ],
    drift: [],
    workers: [{ ...worker, respawns: 0 }],
    devices: [{ ...board, busySeconds: seconds / 4, rows: seconds * 8 }],
    tenants: [
      { name: "cms", ...tenant },
      { name: "atlas", ...tenant },
    ],
    tenantTime: [
      { tenant: "cms", usedUs: seconds * 3, borrowedUs: seconds },
      { tenant: "atlas", usedUs: seconds, borrowedUs: 0 },
    ],
    waiting: [{ tenant: "cms", rows: 5 }],
    reservations: [],
    ...more,
  };
}

describe("a snapshot", () => {
  it("has rates and means of what came between its samples", () => {
    const { seconds, total, models, devices, tenants } = snapshotOf(3, sample(2), sample(4));
    expect(seconds).toBe(2);
    expect(total).toMatchObject({
      requestsPerSecond: 100,
      rowsPerSecond: 400,
      failuresPerSecond: 0,
    });
    expect(models[0]).toMatchObject({ requests: 400, batchRows: 8, queueMs: 1, computeMs: 3 });
    expect(models[0]?.p50Ms).toBeCloseTo(0.5);
    expect(devices[0]).toMatchObject({ busy: 0.25, rowsPerSecond: 8 });
    expect(tenants.map(({ share }) => share)).toEqual([0.75, 0.25]);
    expect(tenants[0]).toMatchObject({ requestsPerSecond: 100, waiting: 5 });
    expect(tenants[0]?.borrowed).toBeCloseTo(1 / 3);
  });

  it("tells how much the quotas of each tenant refuse, where somebody counts it", () => {
    const refused = (more: Record<string, number>) => ({
      throttled: new Map(Object.entries(more)),
    });
    const rates = (before: Sample, now: Sample) =>
      snapshotOf(2, before, now).tenants.map(({ throttledPerSecond }) => throttledPerSecond);
    expect(rates(sample(2, refused({})), sample(4, refused({ cms: 30 })))).toEqual([15, 0]);
    expect(rates(sample(2), sample(4))).toEqual([undefined, undefined]);
  });

  it("parts batches by their sizes, and requests by the devices that computed them", () => {
    const { models, variants } = snapshotOf(3, sample(2), sample(4));
    expect(models[0]?.batches).toEqual([
      { upToRows: 1, share: 0.25 },
      { upToRows: 8, share: 0.75 },
    ]);
    expect(models[0]?.devices).toMatchObject([
      { device: "u50-0", requests: 400, requestsPerSecond: 100, p50Ms: 0.5 },
    ]);
    expect(variants).toMatchObject([{ variant: "xilinx", requestsPerSecond: 100 }]);
  });

  it("tells no rates of tenants and variants whose requests are counted together", () => {
    const [one] = sample(0).latencies ?? [];
    const rest = (seconds: number, model: string) =>
      one && {
        ...{ ...one, model, tenant: "other", device: "other", isRest: true as const },
        counts: [seconds * 10, 0, 0],
      };
    const rates = (model: string, grew = 2) => {
      const [before, now] = [2, 2 + grew].map((at) => {
        const others = rest(at, model);
        const { latencies = [] } = sample(at);
        return sample(at, { latencies: others ? [...latencies, others] : latencies });
      });
      const { tenants, variants } = snapshotOf(2, before, now ?? sample(4));
      return [...tenants, ...variants].map(({ requestsPerSecond }) => requestsPerSecond);
    };
    expect(rates("jets")).toEqual([undefined, undefined, undefined]);
    // Of models that nobody tells apart, any may have been asked.
    expect(rates("")).toEqual([undefined, undefined, undefined]);
    expect(rates("taus")).toEqual([undefined, undefined, 100]);
    const uncounted = snapshotOf(2, sample(2), sample(4, { latencies: undefined }));
    expect(uncounted.tenants[0]).not.toHaveProperty("requestsPerSecond");
  });

  it("takes its rates by a clock that nobody sets", () => {
    const { seconds, total } = snapshotOf(2, sample(2), sample(4, { atMs: 3_600_000 }));
    expect([seconds, total.requestsPerSecond]).toEqual([2, 100]);
  });

  it("knows no rates where there is no sample before, and tells none", () => {
    const { seconds, models, devices, total } = snapshotOf(1, undefined, sample(4));
    expect(seconds).toBeUndefined();
    expect(models[0]).not.toHaveProperty("p50Ms");
    expect(models[0]).not.toHaveProperty("queueMs");
    expect(devices[0]).not.toHaveProperty("busy");
    expect(total.requestsPerSecond).toBe(0);
  });

  it("counts from nothing where counters fell: a worker or a version began anew", () => {
    expect(snapshotOf(2, sample(9), sample(3)).models[0]?.requestsPerSecond).toBeGreaterThan(0);
  });
});

describe("alerts", () => {
  const texts = (more: Partial<Sample>) =>
    snapshotOf(2, sample(2), sample(4, more)).alerts.map(
      ({ level, what, text }) => `${level} ${what} ${text}`,
    );

  it("are none where all is well", () => expect(texts({})).toEqual([]));

  const failing = (failed: number, failures: Record<string, number>) => ({
    models: [
      {
        ...{ ...counts, requests: 200, failed, failures, rows: 0, executions: 0 },
        ...{ queueNs: 0, computeNs: 0, computed: 0 },
      },
    ],
  });

  it("are none where clients hung up", () => {
    expect(texts(failing(90, { CANCELED: 90 }))).toEqual([]);
    expect(texts(failing(90, { CANCELED: 40, BACKEND: 50 }))).toEqual([
      expect.stringMatching(/^bad jets\/1 .* % of its requests fail/),
    ]);
  });

  it("of a dead worker last as long as it is dead", () => {
    const died = (state: "ready" | "starting") =>
      texts({
        workers: [
          { ...worker, state, lastDeath: { reason: "worker 4711 died", secondsAgo: 3_600 } },
        ],
      });
    expect(died("starting")).toEqual([
      "bad worker of u50-0 worker 4711 died, 3600 s ago; none has taken its place yet",
    ]);
    expect(died("ready")).toEqual([]);
  });

  it.each<[string, Partial<Sample>, RegExp]>([
    [
      "a failed board",
      { devices: [{ ...board, state: "failed", trouble: "no card" }] },
      /^bad u50-0 failed: no card/,
    ],
    [
      "the death of a worker",
      {
        workers: [
          {
            ...worker,
            lastDeath: { reason: "worker 4711 was killed by SIGKILL", secondsAgo: 2.2 },
          },
        ],
      },
      /^warn worker of u50-0 worker 4711 was killed by SIGKILL, 2 s ago; 4712 took its place/,
    ],
    [
      "a worker that does not come back",
      {
        workers: [
          {
            ...{ ...worker, state: "starting", pid: 0 },
            lastDeath: { reason: "worker 4711 exited with code 1", secondsAgo: 5 },
          },
        ],
      },
      /^bad worker of u50-0 .*none has taken its place yet/,
    ],
    [
      "a board that somebody drained",
      { devices: [{ ...board, state: "drained" }] },
      /^warn u50-0 was taken out of service by hand/,
    ],
    ["a breaker", { devices: [{ ...board, breaker: "open" }] }, /^bad u50-0 gets no requests/],
    [
      "a model that does not load",
      { index: [{ name: "m", version: "1", state: "UNAVAILABLE", reason: "no file" }] },
      /^warn m\/1 does not serve: no file/,
    ],
    [
      "failures",
      {
        models: [
          {
            ...counts,
            requests: 200,
            failed: 90,
            rows: 0,
            executions: 0,
            queueNs: 0,
            computeNs: 0,
            computed: 0,
          },
        ],
      },
      /% of its requests fail/,
    ],
    [
      "a quota",
      {
        tenants: [
          { name: "cms", ...tenant, quota: { rowsPerSecond: 10 }, used: { rowsPerSecond: 9.9 } },
        ],
      },
      /^warn cms uses 99 % of its rowsPerSecond/,
    ],
    [
      "Redis",
      { cluster: { redis: "down", listAgeSeconds: 0, gateways: [] } },
      /^warn Redis is down/,
    ],
    ["open doors", { authenticated: false }, /^warn gateway nobody is asked/],
    ["not being ready", { ready: false }, /^bad gateway is not ready/],
  ])("tell of %s, and lead to a page of the runbook", (_, more, text) => {
    expect(texts(more)[0]).toMatch(text);
    const { alerts } = snapshotOf(2, sample(2), sample(4, more));
    for (const { page } of alerts) expect([...readRunbook().keys()]).toContain(page);
  });
});

it("finds quantiles within a bucket, and tells what lies above all bounds as the last", () => {
  expect(quantile([1, 2], [10, 10, 0], 0.75)).toBe(1.5);
  expect(quantile([1, 2], [0, 0, 5], 0.5)).toBe(2);
});

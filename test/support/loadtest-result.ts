/** A load test's result as a run could have left it: for what reads results. */
import { Latencies } from "../../loadtest/measure/latencies.ts";
import type { Point, Result } from "../../loadtest/report/schema.ts";

const SHARES = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];
const NEEDED = [20, 100, 200, 1000, 10_000, 100_000, 1_000_000];

function latency(count: number, meanMs: number): Point["latency"] {
  const latencies = new Latencies();
  for (let at = 0; at < count; at++) {
    const share = (at + 0.5) / count;
    latencies.record(0.6 * meanMs - 0.4 * meanMs * Math.log(1 - share) ** 1);
  }
  return {
    count,
    meanMs: latencies.meanMs,
    deviationMs: latencies.deviationMs,
    maxMs: latencies.maxMs,
    quantiles: SHARES.map((share, at) => ({
      share,
      ms: latencies.quantileMs(share),
      quotable: count >= (NEEDED[at] ?? 0),
      needed: NEEDED[at] ?? 0,
    })),
    histogram: latencies.encode(),
  };
}

export function examplePoint(changes: Partial<Point> = {}): Point {
  return {
    label: "1000 Hz, Poisson",
    offeredPerSecond: 1000,
    answeredPerSecond: 997,
    rowsPerSecond: 2991,
    seconds: 30,
    sent: 30_000,
    answered: 29_910,
    failures: [{ reason: "UNAVAILABLE: the queue of model 'topo' is full", count: 88 }],
    unanswered: { count: 2, oldestMs: 812 },
    dropped: 0,
    latency: latency(29_910, 1.4),
    service: latency(29_910, 1.2),
    budgets: [
      { ms: 2, inTime: 0.913 },
      { ms: 5, inTime: 0.9987 },
      { ms: 12.5, inTime: 0.99991 },
    ],
    split: {
      ...{ queueMs: 0.31, computeInputMs: 0.02, computeInferMs: 0.42, computeOutputMs: 0.01 },
      ...{ serverOverheadMs: 0.11, networkMs: 0.33, executions: 9120, inferences: 29_910 },
      batchRows: [1, 2, 3, 4, 6, 8].map((rows, at) => ({ rows, executions: 3000 - at * 480 })),
    },
    windows: Array.from({ length: 6 }, (_, at) => ({
      answeredPerSecond: 995 + at,
      latencyMs: 1.4 + 0.01 * at,
      late: 0.0003,
    })),
    generator: {
      ...{ processes: 1, lateShare: 0.0007, heldShare: 0, lagP50Ms: 0.04, lagP99Ms: 0.13 },
      ...{ lagMaxMs: 2.9, cpuShare: 0.21, reconnects: 0 },
      ...{ bytesOutPerSecond: 412_000, bytesInPerSecond: 131_000 },
    },
    invalid: [],
    ...changes,
  };
}

/** Slots with collisions: trains of 72 with gaps, as in the nominal scheme. */
function filledSlots(): number[] {
  return Array.from({ length: 3564 }, (_, bx) => bx).filter((bx) => bx < 3443 && bx % 80 < 72);
}

export function exampleResult(changes: Partial<Result> = {}): Result {
  const thresholds = Array.from({ length: 60 }, (_, at) => at / 60);
  return {
    schema: "beamgate-loadtest/1",
    tool: { name: "beamgate", version: "0.1.0", node: "20.20.2" },
    startedAt: "2026-11-28T08:00:00.000Z",
    finishedAt: "2026-11-28T08:00:36.000Z",
    host: {
      cpu: "Test Processor",
      cores: 2,
      memoryBytes: 16e9,
      system: "Linux 6.1 x64",
      loadAverage: [0.21, 0.3, 0.28],
    },
    scenario: {
      name: "l1-cms-100k",
      title: "CMS Level-1 accept, topological trigger",
      seed: 7,
      scale: "1 : 100 of the 100 kHz of CMS Level 1; the orbit is stretched 100 times.",
      settings: { model: "topo", arrivals: { kind: "bunches", scheme: "nominal-2808" } },
    },
    server: {
      url: "127.0.0.1:8001",
      protocol: "gRPC",
      name: "beamgate",
      version: "0.1.0",
      statistics: true,
    },
    model: { name: "topo", version: "1", platform: "hls4ml" },
    origins: [
      {
        ...{ device: "u50-0", variant: "u50", artifact: "sha256:2f", emulated: true },
        answers: 21_000,
      },
      { device: "cpu-0", variant: "cpu", artifact: "sha256:9a", emulated: false, answers: 8910 },
    ],
    emulated: true,
    intended: { count: 30_000, sha256: "ab".repeat(32), firstNs: [0, 24_950, 49_900] },
    ceiling: { perSecond: 61_000, perCpuSecond: 74_000, protocol: "gRPC, one row" },
    validity: { valid: true, reasons: [] },
    points: [examplePoint()],
    main: 0,
    trigger: {
      ...{ describe: "score at least 0.62", eventsPerSecond: 100_000, deadShare: 0.0069 },
      ...{ threshold: 0.62, prescale: 1, events: 30_000, scored: 29_890, accepted: 1450 },
      ...{ read: 1312, late: 110, outputPerSecond: 4370 },
      deadTime: [
        { cause: "simple: 3 crossings after each accept", share: 0.0021, refused: 31 },
        { cause: "complex: bucket 15 / 370 BX", share: 0.0048, refused: 70 },
      ],
      rate: thresholds.map((threshold) => {
        const perSecond = 100_000 * Math.exp(-5.05 * threshold) + 0.5;
        return { threshold, perSecond, low: perSecond * 0.93, high: perSecond * 1.07 };
      }),
      turnOn: {
        variable: "jet pT, GeV",
        fit: { plateau: 0.985, halfAt: 62, width: 15.3 },
        bins: Array.from({ length: 14 }, (_, at) => {
          const middle = 10 + 10 * at + 5;
          const value = 0.985 / (1 + Math.exp(-(middle - 62) / 9));
          const width = 0.02 + 0.03 * Math.exp(-(((middle - 62) / 30) ** 2));
          return {
            ...{ from: 10 + 10 * at, to: 20 + 10 * at, events: 420 - 25 * at, value },
            ...{ low: Math.max(0, value - width), high: Math.min(1, value + width) },
          };
        }),
      },
      roc: {
        area: 0.9471,
        points: thresholds.map((threshold) => ({
          threshold,
          signal: 1 - threshold ** 3,
          background: Math.exp(-9 * threshold),
        })),
      },
    },
    crossings: {
      fillingScheme: "nominal-2808",
      slots: filledSlots().map((bx) => ({
        bx,
        requests: 10 + (bx % 3),
        meanMs: 1 + ((bx % 80) / 72) * 0.9 + ((bx * 7919) % 100) / 400,
        maxMs: 4 + (bx % 7),
        dead: (bx % 80) / 72 / 60,
      })),
    },
    agreement: {
      reference: "variant cpu",
      compared: 29_890,
      bitExact: 28_411,
      decisionsFlipped: 12,
      largestDifference: 0.0039,
    },
    objectives: [{ text: "p99 ≤ 5 ms", value: 3.11, found: "3.11 ms", met: true }],
    notes: ["Local inference was not given: --local-ms."],
    ...changes,
  };
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scheduleOf } from "../../test/support/arrivals-schedule.ts";
import { encodeTraceLine } from "../../test/support/trace-line.ts";
import { arrivalsSchema } from "../scenario/arrivals-schema.ts";
import { kolmogorovSmirnov } from "../statistics/kolmogorov-smirnov.ts";
import type { Intended } from "../types.ts";
import { makeArrivals } from "./arrivals.ts";
import { perEvent } from "./per-event.ts";
import { readTrace } from "./trace.ts";

const made = (spec: unknown, seed = 1, file?: string) =>
  makeArrivals(arrivalsSchema.parse(spec), seed, file);
const first = (count: number, arrivals: Iterable<Intended>) => {
  const taken: Intended[] = [];
  for (const intended of arrivals) {
    taken.push(intended);
    if (taken.length === count) break;
  }
  return taken;
};
const times = (count: number, arrivals: Iterable<Intended>) =>
  first(count, arrivals).map(({ atMs }) => atMs);
const gaps = (sorted: readonly number[]) =>
  Float64Array.from(sorted.slice(1), (at, i) => at - (sorted[i] as number));

describe("a constant rate", () => {
  it("is due at even times without drift", () => {
    const due = times(30_001, made({ kind: "constant", perSecond: 3000 }));
    expect(due[1]).toBeCloseTo(1 / 3, 12);
    expect(due[30_000]).toBe(10_000);
  });
});

describe("a Poisson rate", () => {
  const arrivals = made({ kind: "poisson", perSecond: 500 });

  it("passes a Kolmogorov-Smirnov test of its gaps", () => {
    const sample = gaps(times(20_001, arrivals));
    const { probability } = kolmogorovSmirnov(sample, (gap) => -Math.expm1(-gap / 2));
    expect(probability).toBeGreaterThan(0.01);
  });

  it("fails the test against a rate that is 5 % off: the test sees what it should", () => {
    const sample = gaps(times(20_001, arrivals));
    const { probability } = kolmogorovSmirnov(sample, (gap) => -Math.expm1(-gap / 2.1));
    expect(probability).toBeLessThan(1e-4);
  });

  it("has counts whose variance is their mean", () => {
    const counts = new Uint32Array(1000);
    for (const { atMs } of arrivals) {
      if (atMs >= 100_000) break;
      const second = Math.floor(atMs / 100);
      counts[second] = (counts[second] as number) + 1;
    }
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
    expect(mean).toBeCloseTo(50, -0.5);
    expect(variance / mean).toBeGreaterThan(0.85);
    expect(variance / mean).toBeLessThan(1.15);
  });
});

describe("the same seed", () => {
  const specs = [
    { kind: "poisson", perSecond: 1000 },
    { kind: "ramp", fromPerSecond: 10, toPerSecond: 1000, overS: 5 },
    { kind: "jobs", jobs: 50, eventMs: 20, waves: 2 },
    { kind: "lhc", mode: { kind: "sample", oneIn: 10_000 } },
    { kind: "lhc", mode: { kind: "packed", as: "train", oneIn: 1000 }, acceptedHz: 1e6 },
  ];

  it.each(specs)("gives the same times byte for byte: $kind", (spec) => {
    const one = scheduleOf(made(spec, 7), 2000);
    const again = scheduleOf(made(spec, 7), 2000);
    expect(one.ns.length).toBeGreaterThan(100);
    expect(Buffer.from(one.ns.buffer)).toEqual(Buffer.from(again.ns.buffer));
    expect(one.events).toEqual(again.events);
    const other = scheduleOf(made(spec, 8), 2000);
    expect(Buffer.from(one.ns.buffer).equals(Buffer.from(other.ns.buffer))).toBe(false);
  });
});

describe("a ramp", () => {
  it("reaches the rates that it says, and stays at the last", () => {
    const spec = { kind: "ramp", fromPerSecond: 100, toPerSecond: 300, overS: 10 };
    const due = times(3001, made({ ...spec, distribution: "constant" }));
    const between = (fromMs: number, toMs: number) =>
      due.filter((at) => at >= fromMs && at < toMs).length;
    // rates at 1 s, 5 s, 9 s, and after the end
    expect([between(500, 1500), between(4500, 5500), between(8500, 9500)]).toEqual([120, 200, 280]);
    expect(between(10_000, 13_000)).toBe(900);
  });

  it("down to nothing ends", () => {
    const spec = { kind: "ramp", fromPerSecond: 100, toPerSecond: 0, overS: 2 };
    const due = [...made({ ...spec, distribution: "constant" })];
    expect(due).toHaveLength(101);
    expect(due.at(-1)?.atMs).toBeCloseTo(2000, 3);
  });
});

describe("files", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "arrivals-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const written = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  it("of intervals are perf_analyzer's: the example of its documentation", () => {
    written("my_intervals.txt", "100000\n200000\n500000\n");
    const arrivals = made(
      { kind: "intervals", file: "my_intervals.txt" },
      ...([1, join(folder, "scenario.yaml")] as const),
    );
    expect(times(6, arrivals)).toEqual([100, 300, 800, 900, 1100, 1600]);
  });

  it.each([
    ["100\n-2\n", "2: '-2' is no time"],
    ["100\nabc\n", "2: 'abc' is no time"],
    ["0\n0\n", "no interval above 0"],
    ["\n", "no interval above 0"],
  ])("of intervals are refused where they are none", (text, message) => {
    const file = written("bad.txt", text);
    expect(() => made({ kind: "intervals", file })).toThrow(message);
  });

  it("of a trace are replayed, faster where one likes, and again when they are over", () => {
    const lines = [0, 10, 20].map((atMs) => encodeTraceLine({ atMs }));
    const file = written("trace.jsonl", `${lines.join("\n")}\n`);
    const arrivals = made({ kind: "replay", file, speed: 2 });
    expect(times(5, arrivals)).toEqual([0, 5, 10, 15, 20]);
    expect([...made({ kind: "replay", file, repeat: false })]).toHaveLength(3);
  });

  it("of a trace of several models are replayed for one", () => {
    const lines = ["a", "b", "a"].map((model, at) => encodeTraceLine({ atMs: 10 * at, model }));
    const file = written("models.jsonl", lines.join("\n"));
    const spec = arrivalsSchema.parse({ kind: "replay", file, repeat: false });
    const due = (model: string) =>
      [...makeArrivals(spec, 1, undefined, model)].map(({ atMs }) => atMs);
    expect([due("a"), due("b")]).toEqual([[0, 20], [10]]);
    expect(() => makeArrivals(spec, 1, undefined, "c")).toThrow(
      "no requests to model c, but to a, b",
    );
  });

  it("of a trace keep tensors as they were", () => {
    const input = {
      name: "x",
      datatype: "FP32",
      shape: [1, 2],
      data: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
    };
    const file = written(
      "tensors.jsonl",
      encodeTraceLine({ atMs: 3.5, model: "m", inputs: [input] }),
    );
    const [line] = readTrace(file);
    expect(line).toMatchObject({ atMs: 3.5, model: "m" });
    expect([...(line?.inputs?.[0]?.data ?? [])]).toEqual([...input.data]);
  });

  it.each([
    ["{", "1: no JSON"],
    ['{"atMs": -1}', "1: `atMs` is no time"],
    ['{"atMs": 5}\n{"atMs": 4}', "2: `atMs` 4 lies before"],
    ['{"atMs": 1, "inputs": [{"name": "x"}]}', "1: an input needs"],
    ["", "is empty"],
  ])("of a trace are refused where they are none: %s", (text, message) => {
    const file = written("bad.jsonl", text);
    expect(() => made({ kind: "replay", file })).toThrow(message);
  });
});

describe("jobs", () => {
  const jobs = { kind: "jobs", jobs: 200, waves: 4, waveEveryS: 5, spreadS: 1, eventMs: 100 };

  it("start in waves", () => {
    const arrivals = made({ ...jobs, eventMs: 1e9, eventSpread: 0 });
    const starts = first(200, arrivals).map(({ atMs }) => Math.floor(atMs / 5000));
    expect([0, 1, 2, 3].map((wave) => starts.filter((start) => start === wave).length)).toEqual([
      ...[50, 50, 50, 50],
    ]);
    expect(first(200, arrivals).every(({ atMs }) => atMs % 5000 < 1000)).toBe(true);
  });

  it("ask in order, each as often as an event takes", () => {
    const due = times(40_000, made({ ...jobs, waves: 1 }));
    expect(gaps(due).every((gap) => gap >= 0)).toBe(true);
    const steady = due.filter((at) => at > 3000 && at < 13_000).length;
    expect(steady / 20_000).toBeCloseTo(1, 1);
  });
});

describe("a model that is asked for some events", () => {
  it("keeps its share of them, with its requests at the same time", () => {
    const base = made({ kind: "constant", perSecond: 1000 });
    const arrivals = perEvent(base, { share: 0.25, requests: { min: 1, max: 3 } }, 1, "taus");
    const due = times(20_000, arrivals);
    const distinct = new Set(due).size;
    expect(20_000 / distinct).toBeCloseTo(2, 1);
    expect((distinct * 1) / (due.at(-1) as number)).toBeCloseTo(0.25, 1.5);
  });

  it("chooses other events than another model", () => {
    const base = made({ kind: "constant", perSecond: 1000 });
    const one = times(500, perEvent(base, { share: 0.5, requests: 1 }, 1, "a"));
    const other = times(500, perEvent(base, { share: 0.5, requests: 1 }, 1, "b"));
    expect(one).not.toEqual(other);
  });
});

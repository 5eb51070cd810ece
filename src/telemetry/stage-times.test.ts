import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wholePage } from "../../test/support/metrics.ts";
import { aSignature } from "../../test/support/requests.ts";
import { ANYBODY, DEFAULT_TENANT } from "../inference/caller.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { page } from "./exposition/page.ts";
import { isRest, isRestOfModels, StageTimes } from "./stage-times.ts";

const signature = aSignature();
const u50 = (id: string) => ({ id, vendor: "xilinx", platform: "xilinx_u50" });
const from = (name: string, index: number) => ({
  ...ANYBODY,
  tenant: { ...DEFAULT_TENANT, name, index },
});
const answered = (more: Partial<RequestOutcome> = {}): RequestOutcome => ({
  signature,
  rows: 1,
  timeline: { received: 100, queued: 101, dispatched: 104, answered: 114 },
  failure: undefined,
  execution: { inputUs: 1, inferUs: 6000, outputUs: 1 },
  device: u50("u50-0"),
  caller: from("cms", 0),
  ...more,
});

const read = async (stages: StageTimes, format: "text" | "openmetrics" = "text") =>
  (await wholePage({ pieces: page({ metrics: stages.families(), kept: [] }, format) })).split("\n");

describe("the stages of a request of 14 ms", () => {
  const stages = new StageTimes();
  stages.observe(answered());

  it.each([
    ["request", 0.014],
    ["wire", 0.001],
    ["queue", 0.003],
    ["batch", 0.004],
    ["compute", 0.006],
  ])("%s took %d s", async (stage, seconds) => {
    const labels = '{model="jets",version="1",tenant="cms",device="u50-0"}';
    const sum = (await read(stages)).find((line) =>
      line.startsWith(`beamgate_${stage}_seconds_sum`),
    );
    expect(sum).toContain(labels);
    expect(Number(sum?.split(" ")[1])).toBeCloseTo(seconds, 9);
  });
});

it("counts requests that take turns each for its own model, tenant and device", async () => {
  const stages = new StageTimes();
  const one = { device: u50("u50-0"), caller: from("cms", 0), signature };
  const others = [
    { ...one, device: u50("u50-1") },
    { ...one, caller: from("atlas", 1) },
    { ...one, signature: aSignature({ name: "taus" }) },
    { ...one, device: undefined },
  ];
  for (const other of others) {
    for (const next of [one, other, other]) stages.observe(answered(next));
  }
  const counts = (await read(stages)).filter((line) =>
    line.startsWith("beamgate_request_seconds_count"),
  );
  expect(counts.map((line) => Number(line.split(" ").at(-1)))).toEqual([4, 2, 2, 2, 2]);
});

it("counts every request of many, however often somebody looks", async () => {
  const stages = new StageTimes();
  const line = async (start: string) => {
    const found = (await read(stages)).find((text) => text.startsWith(start));
    return Number(found?.split(" ")[1]);
  };
  let expected = 0;
  for (const many of [1, 100, 127, 128, 129, 1000]) {
    for (let at = 0; at < many; at += 1) stages.observe(answered({ requests: 1 + (at % 3) }));
    expected += Array.from({ length: many }, (_, at) => 1 + (at % 3)).reduce((a, b) => a + b);
    expect(await line("beamgate_request_seconds_count")).toBe(expected);
    expect(await line("beamgate_compute_seconds_count")).toBe(expected);
    expect(await line("beamgate_queue_seconds_sum")).toBeCloseTo(0.003 * expected, 6);
    expect(Array.from(stages.requests(), ({ buckets }) => buckets.count)).toEqual([expected]);
  }
});

describe("requests that went through a stage together", () => {
  const stamp = (from: number) => fc.integer({ min: from, max: from + 2 });
  /** Few values: many of them share some of their stamps with the one before, and not others. */
  const outcome = fc
    .record({
      received: stamp(100),
      queued: fc.oneof(fc.constant(0), stamp(110)),
      dispatched: fc.oneof(fc.constant(0), stamp(120)),
      answered: stamp(140),
      inferUs: fc.option(fc.constantFrom(5000, 7000), { nil: undefined }),
      requests: fc.constantFrom(undefined, 2),
    })
    .map(({ inferUs, requests, ...timeline }) =>
      answered({
        timeline,
        requests,
        execution: inferUs === undefined ? undefined : { inputUs: 1, inferUs, outputUs: 1 },
      }),
    );
  const told = (stages: StageTimes) =>
    stages.families().flatMap(({ name, series }) =>
      [...series()].map(({ buckets }) => ({
        ...{ name, cumulative: buckets.cumulative() },
        sum: buckets.sum.toFixed(9),
      })),
    );

  it("are counted as they would be one by one", () => {
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 40 }), (outcomes) => {
        const [together, alone] = [new StageTimes(), new StageTimes()];
        for (const one of outcomes) {
          together.observe(one);
          alone.observe(one);
          // Whoever looks has everything counted that waits.
          [...alone.requests()];
        }
        expect(told(together)).toEqual(told(alone));
      }),
    );
  });
});

describe("more tenants and devices than are told of", () => {
  const stages = new StageTimes(3);
  const models = Array.from({ length: 9 }, (_, at) => aSignature({ name: `model-${at}` }));
  for (const model of models) {
    for (let tenant = 0; tenant < 5; tenant += 1) {
      const caller = from(`tenant-${tenant}`, tenant);
      for (let again = 0; again < 2; again += 1) {
        stages.observe(answered({ signature: model, caller, requests: 2 }));
      }
    }
  }

  it("are counted together, and none is lost", async () => {
    const counts = (await read(stages)).filter((line) =>
      /^beamgate_queue_seconds_count/.test(line),
    );
    const series = counts.map((line) => /\{(.*)\} (\d+)/.exec(line)?.slice(1) ?? []);
    expect(series.map(([labels]) => labels)).toEqual([
      'model="model-0",version="1",tenant="tenant-0",device="u50-0"',
      'model="model-0",version="1",tenant="tenant-1",device="u50-0"',
      'model="model-0",version="1",tenant="tenant-2",device="u50-0"',
      'model="model-0",version="1",tenant="other",device="other"',
      'model="model-1",version="1",tenant="other",device="other"',
      'model="model-2",version="1",tenant="other",device="other"',
      'model="other",version="",tenant="other",device="other"',
    ]);
    expect(series.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(9 * 5 * 2 * 2);
  });

  it("are told apart from those who are told of one by one", () => {
    const labels = Array.from(stages.requests(), (row) => row.labels);
    const rest = labels.filter(isRest).map(({ model }) => model);
    expect(rest).toEqual(["model-0", "model-1", "model-2", "other"]);
    expect(labels.filter(isRestOfModels).map(({ model }) => model)).toEqual(["other"]);
  });
});

describe("a request that is traced", () => {
  const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736" } as RequestOutcome["trace"];

  it("is the exemplar of its bucket, in OpenMetrics only", async () => {
    const stages = new StageTimes(3, () => 1_700_000_000_500);
    stages.observe(answered());
    stages.observe(answered({ trace }));
    const bucket = (lines: readonly string[]) =>
      lines.find((line) => /^beamgate_request_seconds_bucket.*le="0.025"/.test(line));
    const open = await read(stages, "openmetrics");
    expect(bucket(open)).toMatch(
      / 2 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.014\d* 1700000000\.5$/,
    );
    expect(open.filter((line) => line.includes("trace_id"))).toHaveLength(1);
    expect(bucket(await read(stages))).toMatch(/ 2$/);
  });
});

describe("a request that met no device", () => {
  it("has a time of its own, and of the stages that it reached", async () => {
    const stages = new StageTimes();
    const timeline = { received: 100, queued: 0, dispatched: 0, answered: 101 };
    stages.observe(answered({ timeline, execution: undefined, device: undefined }));
    const counts = (await read(stages)).filter((line) => line.includes("_count{"));
    expect(
      counts.map((line) => `${/^beamgate_(\w+)_seconds/.exec(line)?.[1]} ${line.at(-1)}`),
    ).toEqual(["request 1", "wire 0", "queue 0", "batch 0", "compute 0"]);
  });
});

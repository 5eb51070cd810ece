import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { TraceContext } from "../inference/request.ts";
import { childContext } from "../inference/trace-context.ts";
import { type Logger, silent } from "../logger.ts";
import { TraceSettings, type TraceValues } from "./trace-settings.ts";
import { Tracer } from "./tracer.ts";
import { TritonTraceFile } from "./triton-trace.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-trace-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const outcome = (model: string): RequestOutcome => ({
  signature: {
    name: model,
    version: "3",
    maxBatchSize: 8,
    inputs: [],
    outputs: [],
    decoupled: false,
    reproducible: false,
  },
  rows: 1,
  timeline: { received: 1, queued: 2, dispatched: 3, answered: 10 },
  failure: undefined,
  execution: { inputUs: 1000, inferUs: 4000, outputUs: 1000 },
});

function end(tracer: Tracer, model: string, trace: TraceContext | undefined): void {
  if (trace === undefined) throw new Error("it is not traced");
  tracer.ended(trace, outcome(model));
}

function setUp(values: Partial<TraceValues> = {}, log: Logger = silent) {
  const settings = new TraceSettings({
    level: ["TIMESTAMPS"],
    rate: 1,
    count: -1,
    logFrequency: 0,
    ...values,
  });
  const path = join(folder, "trace.json");
  const file = new TritonTraceFile(path, log, 1e9);
  settings.onReplaced = (setting) => file.replaced(setting);
  const tracer = new Tracer(settings, file, false);
  const request = (id = "") => {
    const trace = tracer.choose("jets", id, { traceparent: "00-nobody-looks-at-it" });
    if (trace) tracer.ended(trace, outcome("jets"));
  };
  return { settings, tracer, request, path };
}
const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const idsIn = (path: string) => [...new Set(read(path).map(({ id }: { id: number }) => id))];

describe("the file of a trace", () => {
  it("has who asked for what, and when each stage was reached, in ns", async () => {
    const { tracer, request, path } = setUp();
    request('odd "id"');
    await tracer.close();
    const [head, ...stamps] = read(path);
    expect(head).toEqual({
      id: 1,
      model_name: "jets",
      model_version: 3,
      request_id: 'odd "id"',
    });
    expect(stamps.map(({ timestamps: [stamp] }: { timestamps: object[] }) => stamp)).toEqual([
      { name: "REQUEST_START", ns: 1_001_000_000 },
      { name: "QUEUE_START", ns: 1_002_000_000 },
      { name: "COMPUTE_START", ns: 1_004_000_000 },
      { name: "COMPUTE_INPUT_END", ns: 1_005_000_000 },
      { name: "COMPUTE_OUTPUT_START", ns: 1_009_000_000 },
      { name: "COMPUTE_END", ns: 1_010_000_000 },
      { name: "INFER_RESPONSE_COMPLETE", ns: 1_010_000_000 },
      { name: "REQUEST_END", ns: 1_010_000_000 },
    ]);
  });

  it("is not there where nothing was traced", async () => {
    const { tracer, path } = setUp();
    await tracer.close();
    expect(existsSync(path)).toBe(false);
  });

  it("tells the steps of an ensemble with the ensemble, whose number they name", async () => {
    const { tracer, path } = setUp();
    const whole = tracer.choose("whole", "", undefined);
    for (const step of ["first", "second"]) {
      end(tracer, step, childContext(whole));
    }
    end(tracer, "whole", whole);
    await tracer.close();
    const heads = read(path).filter((part: { model_name?: string }) => part.model_name);
    expect(heads).toEqual([
      { id: 2, model_name: "first", model_version: 3, parent_id: 1 },
      { id: 3, model_name: "second", model_version: 3, parent_id: 1 },
      { id: 1, model_name: "whole", model_version: 3 },
    ]);
  });

  it("tells the last step too, whose end comes after the answer of the ensemble", async () => {
    const { tracer, path } = setUp();
    const whole = tracer.choose("whole", "", undefined);
    const step = childContext(whole);
    end(tracer, "whole", whole);
    end(tracer, "step", step);
    await tracer.close();
    expect(idsIn(path)).toEqual([1, 2]);
  });

  it("is one of several where a frequency is set; the last has what is left", async () => {
    const { tracer, request, path } = setUp({ logFrequency: 2 });
    for (let i = 0; i < 5; i++) request();
    await tracer.close();
    expect(readdirSync(folder).toSorted()).toEqual([
      "trace.json.0",
      "trace.json.1",
      "trace.json.2",
    ]);
    expect([0, 1, 2].map((i) => idsIn(`${path}.${i}`))).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("is written at once when as many traces as asked for are there", async () => {
    const { tracer, request, path } = setUp({ count: 2 });
    for (let i = 0; i < 5; i++) request();
    await tracer.close();
    expect(readdirSync(folder)).toEqual(["trace.json.0"]);
    expect(idsIn(`${path}.0`)).toEqual([1, 2]);
  });

  it("has what was gathered under settings that are replaced", async () => {
    const { settings, tracer, request, path } = setUp({ count: 10 });
    request();
    await Promise.resolve();
    settings.update("", { level: [] });
    request();
    await tracer.close();
    expect(idsIn(path)).toEqual([1]);
  });

  it("costs nothing but a line in the log where it can not be written", async () => {
    const said: string[] = [];
    const { tracer, request } = setUp({}, { ...silent, error: (text) => void said.push(text) });
    rmSync(folder, { recursive: true });
    request();
    await tracer.close();
    expect(said).toContain("failed creating trace file");
    folder = mkdtempSync(join(tmpdir(), "beamgate-trace-"));
  });
});

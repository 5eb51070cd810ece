import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  attributesOf,
  type OtlpReceiver,
  startOtlpReceiver,
} from "../../test/support/otlp-receiver.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { childContext } from "../inference/trace-context.ts";
import { silent } from "../logger.ts";
import { openSpanExport, type SpanExportOptions } from "./otel-export.ts";
import { TraceSettings } from "./trace-settings.ts";
import { Tracer, type TraceSink } from "./tracer.ts";

const ZERO_MS = 1_700_000_000_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const traceparent = (flags = "01") => `00-${TRACE}-${SPAN}-${flags}`;

const outcome = (more: Partial<RequestOutcome>): RequestOutcome => ({
  signature: {
    name: "jets",
    version: "2",
    maxBatchSize: 8,
    inputs: [],
    outputs: [],
    decoupled: false,
    reproducible: false,
  },
  rows: 3,
  batchRows: 7,
  timeline: { received: 1000, queued: 1001, dispatched: 1003, answered: 1010 },
  failure: undefined,
  execution: { inputUs: 1000, inferUs: 4000, outputUs: 2000 },
  ...more,
});

let receiver: OtlpReceiver;
let sink: TraceSink;

function open(more: Partial<SpanExportOptions> = {}): Promise<TraceSink> {
  return openSpanExport({
    url: receiver.url,
    resource: { "service.name": "farm" },
    maxQueueSize: 100,
    scheduleDelayMs: 60_000,
    maxExportBatchSize: 50,
    zeroMs: ZERO_MS,
    version: "9.8.7",
    about: () => ({ "beamgate.artifact": "onnx" }),
    log: silent,
    ...more,
  });
}
function aTracer(rate = 1): Tracer {
  const values = { level: ["TIMESTAMPS"] as const, rate, count: -1, logFrequency: 0 };
  return new Tracer(new TraceSettings(values), sink, true);
}
function end(tracer: Tracer, more: Partial<RequestOutcome>): void {
  const { trace, ...ended } = outcome(more);
  if (trace === undefined) throw new Error("it is not traced");
  tracer.ended(trace, ended);
}
const nanos = (ms: number) => String(BigInt(ZERO_MS + ms) * 1_000_000n);

beforeEach(async () => {
  vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
  receiver = await startOtlpReceiver();
  sink = await open();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await receiver.close();
});

describe("a request that is traced on behalf of a caller", () => {
  beforeEach(async () => {
    const tracer = aTracer(0);
    const headers = { traceparent: traceparent(), tracestate: "vendor=1" };
    const trace = tracer.choose("jets", "request-7", headers);
    end(tracer, { trace });
    await tracer.close();
  });
  const named = (name: string) => receiver.spans.find((span) => span.name === name);

  it("is three spans of the caller's trace, each the child of the one it belongs to", () => {
    expect(receiver.spans.map((span) => [span.name, span.kind])).toEqual([
      ["InferRequest", 2],
      ["queue", 1],
      ["compute", 1],
    ]);
    expect(new Set(receiver.spans.map((span) => span.traceId))).toEqual(new Set([TRACE]));
    const request = named("InferRequest");
    expect(request).toMatchObject({ parentSpanId: SPAN, traceState: "vendor=1" });
    expect(named("queue")?.parentSpanId).toBe(request?.spanId);
    expect(named("compute")?.parentSpanId).toBe(request?.spanId);
    expect(new Set(receiver.spans.map((span) => span.spanId)).size).toBe(3);
  });

  it("has the times of its timeline, by the wall clock", () => {
    const times = receiver.spans.map(({ name, startTimeUnixNano: start, endTimeUnixNano: end }) => [
      name,
      start,
      end,
    ]);
    expect(times).toEqual([
      ["InferRequest", nanos(1000), nanos(1010)],
      ["queue", nanos(1001), nanos(1003)],
      ["compute", nanos(1003), nanos(1010)],
    ]);
    const events = named("compute")?.events.map((event) => [event.name, event.timeUnixNano]);
    expect(events).toEqual([
      ["COMPUTE_START", nanos(1003)],
      ["COMPUTE_INPUT_END", nanos(1004)],
      ["COMPUTE_OUTPUT_START", nanos(1008)],
      ["COMPUTE_END", nanos(1010)],
    ]);
  });

  it("names the model, the request and its batch", () => {
    expect(attributesOf(named("InferRequest") as never)).toMatchObject({
      "triton.model_name": "jets",
      "triton.model_version": 2,
      "triton.request_id": "request-7",
      "beamgate.rows": 3,
      "beamgate.artifact": "onnx",
    });
    expect(attributesOf(named("compute") as never)["beamgate.batch_rows"]).toBe(7);
  });

  it("comes from a server that says who it is", () => {
    expect(receiver.resource.get("service.name")).toBe("farm");
  });
});

describe("whether a request is traced", () => {
  it("is the caller's decision where the caller traces", () => {
    expect(aTracer(0).choose("jets", "", { traceparent: traceparent("01") })).toBeDefined();
    expect(aTracer(1).choose("jets", "", { traceparent: traceparent("00") })).toBeUndefined();
  });

  it.each([
    ["nothing", undefined],
    ["something malformed", "00-xyz"],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["an impossible version", `ff-${TRACE}-${SPAN}-01`],
    ["more than version 00 has", `${traceparent()}-more`],
  ])("is the rate's where a caller sends %s", (_what, header) => {
    const headers = { traceparent: header };
    expect(aTracer(0).choose("jets", "", headers)).toBeUndefined();
    const trace = aTracer(1).choose("jets", "", headers);
    expect(trace?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace?.traceId).not.toBe(TRACE);
    expect(trace?.parentSpanId).toBe("");
  });
});

describe("the steps of an ensemble", () => {
  it("are children of the ensemble's span, and called like their models", async () => {
    const tracer = aTracer();
    const whole = tracer.choose("ensemble", "", undefined);
    end(tracer, { trace: childContext(whole), execution: undefined });
    end(tracer, { trace: whole, execution: undefined });
    await tracer.close();
    const [step, queue, ensemble] = receiver.spans;
    expect(step).toMatchObject({ name: "jets", kind: 1, parentSpanId: ensemble?.spanId });
    expect(queue).toMatchObject({ name: "queue", parentSpanId: step?.spanId });
    expect(step?.traceId).toBe(ensemble?.traceId);
    expect(ensemble).toMatchObject({ name: "InferRequest", kind: 2 });
    expect(ensemble?.parentSpanId ?? "").toBe("");
  });
});

describe("a request that failed", () => {
  it("has a span with the reason and the stages that it reached", async () => {
    const tracer = aTracer();
    const trace = tracer.choose("jets", "", undefined);
    const timeline = { received: 10, queued: 11, dispatched: 0, answered: 20 };
    end(tracer, { trace, timeline, failure: "CANCELED", execution: undefined });
    await tracer.close();
    expect(receiver.spans.map(({ name }) => name)).toEqual(["InferRequest", "queue"]);
    expect(receiver.spans[0]?.status).toEqual({ code: 2, message: "CANCELED" });
  });
});

it("tells of the variant that served each request of one model", async () => {
  const about = vi.fn((_signature: unknown, variant: string | undefined) => ({
    "beamgate.artifact": variant === "u50" ? "xclbin" : "onnx",
  }));
  sink = await open({ about });
  const tracer = aTracer();
  const { signature } = outcome({});
  for (const variant of ["u50", "arm-cpu", "u50"]) {
    end(tracer, { signature, variant, trace: tracer.choose("jets", "", undefined) });
  }
  await tracer.close();
  const artifacts = receiver.spans
    .filter(({ name }) => name === "compute")
    .map((span) => attributesOf(span)["beamgate.artifact"]);
  expect(artifacts).toEqual(["xclbin", "onnx", "xclbin"]);
  // Once for each.
  expect(about).toHaveBeenCalledTimes(2);
});

describe("what a client says of itself", () => {
  it("is kept as far as anybody reads it, as it stands in every span", async () => {
    const tracer = aTracer();
    const headers = { traceparent: traceparent(), tracestate: `farm=${"x".repeat(600)}` };
    end(tracer, { trace: tracer.choose("jets", "é".repeat(1_000_000), headers) });
    await tracer.close();
    expect(receiver.spans).toHaveLength(3);
    for (const span of receiver.spans) {
      expect(attributesOf(span)["triton.request_id"]).toBe(`${"é".repeat(512)}…`);
      expect(span.traceState ?? "").toBe("");
    }
  });

  it("comes along whole where it is as short as W3C Trace Context asks for", async () => {
    const tracer = aTracer();
    const tracestate = `farm=${"x".repeat(250)},cern=${"y".repeat(251)}`;
    expect(tracestate).toHaveLength(512);
    end(tracer, {
      trace: tracer.choose("jets", "", { traceparent: traceparent(), tracestate }),
    });
    await tracer.close();
    expect(receiver.spans[0]?.traceState).toBe(tracestate);
  });
});

describe("a collector that takes nothing", () => {
  it("is said to, once, and holds up no stop", async () => {
    const warned: unknown[] = [];
    const log = { info: () => {}, warn: (text: string) => void warned.push(text) };
    let asked = 0;
    const collector = createServer(() => {
      asked += 1;
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    const url = `http://127.0.0.1:${port}/v1/traces`;
    sink = await open({ ...{ url, log, maxExportBatchSize: 3, maxQueueSize: 300 } });
    const tracer = aTracer();
    for (let nth = 0; nth < 50; nth += 1) {
      end(tracer, { trace: tracer.choose("jets", "", undefined) });
    }
    await tracer.close();
    // There are fifty messages, of which each may take as long as all of them together.
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(5);
    expect(warned).toEqual(["the collector does not take spans: they are lost until it does"]);
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
  });
});

describe("more spans than may wait", () => {
  it("are dropped, and the others arrive", async () => {
    sink = await open({ maxQueueSize: 4, maxExportBatchSize: 4 });
    // Nothing is exported before this turn of the event loop is over.
    const tracer = aTracer();
    for (let i = 0; i < 40; i++) {
      end(tracer, { trace: tracer.choose("jets", "", undefined) });
    }
    await tracer.close();
    expect(receiver.spans.length).toBeGreaterThan(0);
    expect(receiver.spans.length).toBeLessThan(120);
  });
});

describe("spans in protobuf, which is what collectors expect", () => {
  it("are posted where the URL says", async () => {
    vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    const seen: { type: string | undefined; body: Buffer }[] = [];
    const collector = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        seen.push({ type: request.headers["content-type"], body: Buffer.concat(pieces) });
        response.end();
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    sink = await open({ url: `http://127.0.0.1:${port}/v1/traces` });
    const tracer = aTracer();
    end(tracer, { trace: tracer.choose("jets", "", { traceparent: traceparent() }) });
    await tracer.close();
    await new Promise((resolve) => collector.close(resolve));
    expect(seen[0]?.type).toBe("application/x-protobuf");
    expect(seen[0]?.body.includes(Buffer.from(TRACE, "hex"))).toBe(true);
  });
});

import { describe, expect, it } from "vitest";
import { forwarderOf } from "../inference/forward-headers.ts";
import type { InferCall, Parameters, WireRequest } from "../inference/request.ts";
import { newTimeline } from "../inference/timeline.ts";
import { RequestTrace } from "../telemetry/request-trace.ts";
import { TraceSettings } from "../telemetry/trace-settings.ts";
import { Tracer } from "../telemetry/tracer.ts";
import { withHeaders } from "./with-headers.ts";

const wire = (parameters?: Parameters): WireRequest => ({
  model: "jets",
  version: "",
  id: "7",
  parameters,
  inputs: [
    {
      name: "IN",
      datatype: "INT32",
      shape: [1, 2],
      parameters: undefined,
      data: { byteLength: 8, pieces: [Buffer.from([1, 0, 0, 0]), Buffer.from([2, 0, 0, 0])] },
    },
  ],
  outputs: [],
  dataError: undefined,
});
const aCall = (headers: Record<string, string> = {}): InferCall => ({
  timeline: newTimeline(0),
  headers,
  deadline: Number.POSITIVE_INFINITY,
  cancelled: false,
  onCancel: undefined,
  respond() {},
  fail() {},
});
function seenBy(pattern: string, tracer: Tracer | undefined, request: WireRequest, call = aCall()) {
  const seen: { wire: WireRequest; call: InferCall }[] = [];
  withHeaders(
    (one, its) => void seen.push({ wire: one, call: its }),
    forwarderOf(pattern),
    tracer,
  )(request, call);
  return seen[0] as { wire: WireRequest; call: InferCall };
}

describe("the line of a request", () => {
  it("is the bare one where nothing is configured", () => {
    const infer = () => {};
    expect(withHeaders(infer, undefined, undefined)).toBe(infer);
  });

  it("sees headers as parameters, and a header before a parameter of its name", () => {
    const parameters: Parameters = new Map([
      ["x-user", { type: "string", value: "forged" }],
      ["own", { type: "bool", value: true }],
    ]);
    const seen = seenBy(
      "^x-",
      undefined,
      wire(parameters),
      aCall({ "x-user": "real", other: "1" }),
    );
    expect([...(seen.wire.parameters ?? [])]).toEqual([
      ["x-user", { type: "string", value: "real" }],
      ["own", { type: "bool", value: true }],
    ]);
  });

  it("gets the request as it is where no header is chosen", () => {
    const request = wire();
    expect(seenBy("^x-", undefined, request, aCall({ other: "1" })).wire).toBe(request);
  });

  it("refuses a reserved header only after the model was found", () => {
    const { wire: seen } = seenBy(".*", undefined, wire(), aCall({ priority: "1" }));
    expect(seen.dataError).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "Header 'priority' is reserved for Triton usage and cannot be forwarded.",
    });
  });
});

describe("a request chosen for a trace", () => {
  const values = { rate: 1, count: -1, logFrequency: 0 };
  const sink = { ended() {}, close: async () => {} };

  it("carries the trace, and with TENSORS what went in and out", () => {
    const settings = new TraceSettings({ ...values, level: ["TIMESTAMPS", "TENSORS"] });
    const { call } = seenBy("", new Tracer(settings, sink, false), wire());
    const data = Buffer.from([9, 0, 0, 0]);
    const outputs = [{ name: "OUT", datatype: "INT32" as const, shape: [1], data }];
    call.respond({ model: "jets", version: "1", id: "7", outputs }, true);
    expect(call.trace).toBeInstanceOf(RequestTrace);
    expect((call.trace as RequestTrace).tensors).toEqual([
      { activity: "TENSOR_QUEUE_INPUT", name: "IN", shape: [1, 2], datatype: "INT32", data: "1,2" },
      { activity: "TENSOR_BACKEND_OUTPUT", name: "OUT", shape: [1], datatype: "INT32", data: "9" },
    ]);
  });

  it("is never one of a bundle, whose requests count as gone before it", () => {
    const settings = new TraceSettings({ ...values, rate: 4, level: ["TIMESTAMPS"] });
    const tracer = new Tracer(settings, sink, false);
    const traced = (request: WireRequest) => seenBy("", tracer, request).call.trace !== undefined;
    expect([traced({ ...wire(), bundled: 3 }), traced(wire()), traced(wire())]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("is the very next one where its caller traces, and none where it chose not to", () => {
    const settings = new TraceSettings({ ...values, rate: 4, level: ["TIMESTAMPS"] });
    const tracer = new Tracer(settings, sink, true);
    const headers = (flags: string) => ({
      traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`,
    });
    expect(tracer.untraced("jets", headers("01"))).toBe(0);
    expect(tracer.untraced("jets", headers("00"))).toBe(Number.POSITIVE_INFINITY);
    tracer.passed("jets", headers("00"), 3);
    expect(tracer.untraced("jets", {})).toBe(3);
  });

  it("is each fourth, by whatever connection; one of a caller's trace beside them, and what is set holds at once", () => {
    const settings = new TraceSettings({ ...values, rate: 4, level: ["TIMESTAMPS"] });
    const infer = withHeaders(() => undefined, undefined, new Tracer(settings, sink, true));
    const traced = (headers: Record<string, string>) => {
      const call = aCall(headers);
      infer(wire(), call);
      return call.trace !== undefined;
    };
    const [one, other] = [{ te: "trailers" }, { te: "trailers" }];
    const own = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    const not = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" };
    expect([one, one, other, one].map(traced)).toEqual([false, false, false, true]);
    // Who chose not to be traced is not counted; what is traced anyway is, as by Triton.
    expect([one, not, not, one, own].map(traced)).toEqual([false, false, false, false, true]);
    expect([one, one].map(traced)).toEqual([true, false]);
    settings.update("jets", { rate: 1 });
    expect([traced(one), traced(one)]).toEqual([true, true]);
    settings.update("jets", { rate: undefined });
    settings.update("", { level: [] });
    expect([one, one, one, one].map(traced)).toEqual([false, false, false, false]);
  });

  it("is none at level OFF", () => {
    const settings = new TraceSettings({ ...values, level: [] });
    expect(seenBy("", new Tracer(settings, sink, false), wire()).call.trace).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { readTraceMessage } from "../../../test/support/otlp-message.ts";
import type { Span } from "../spans.ts";
import { TraceEncoder } from "./encode-traces.ts";

const ZERO_MS = 1_764_356_400_123.25;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const about = { "beamgate.artifact": "onnx" };
const aSpan = (more: Partial<Span>): Span => ({
  ...{ name: "InferRequest", traceId: TRACE, spanId: "b7ad6b7169203331", parentSpanId: "" },
  ...{ parentRemote: false, tracestate: "", start: 1000, end: 1010.5, server: true },
  ...{ shared: [], attributes: {}, events: [], failure: undefined },
  ...more,
});

function encoded(spans: readonly Span[], encoder: TraceEncoder) {
  for (const span of spans) encoder.add(span);
  return encoder.take();
}

const sent = (spans: readonly Span[], encoder = anEncoder()) =>
  readTraceMessage(encoded(spans, encoder));
const anEncoder = () =>
  new TraceEncoder({
    resource: { "service.name": "farm", "process.pid": 7 },
    scope: { name: "beamgate", version: "9.8.7" },
    zeroMs: ZERO_MS,
  });

/** ns since 1970, exactly as a number of ms with a fraction says. */
const nanos = (ms: number) => {
  const whole = Math.floor(ZERO_MS + ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ZERO_MS + ms - whole) * 1e6)));
};

describe("a span as a collector reads it", () => {
  it("has the ids, the times and the events that it was given", () => {
    const events = [{ name: "REQUEST_START", at: 1000.75 }];
    const { spans } = sent([
      aSpan({ parentSpanId: "00000000000000ff", tracestate: "v=1", events }),
    ]);
    expect(spans).toEqual([
      {
        traceId: TRACE,
        spanId: "b7ad6b7169203331",
        traceState: "v=1",
        parentSpanId: "00000000000000ff",
        name: "InferRequest",
        kind: 2,
        startTimeUnixNano: nanos(1000),
        endTimeUnixNano: nanos(1010.5),
        attributes: [],
        events: [{ name: "REQUEST_START", timeUnixNano: nanos(1000.75) }],
        flags: 0x101,
      },
    ]);
  });

  it.each([
    [
      "a parent of somebody else's",
      { parentSpanId: "00000000000000ff", parentRemote: true },
      0x301,
    ],
    ["a parent of its own", { parentSpanId: "00000000000000ff" }, 0x101],
    ["no parent", { parentRemote: true }, 0x101],
  ])("says of %s whose it is", (_what, more, flags) => {
    expect(sent([aSpan(more)]).spans[0].flags).toBe(flags);
  });

  it("is an error with the reason where it failed", () => {
    const { spans } = sent([aSpan({ failure: "CANCELED", server: false })]);
    expect(spans[0]).toMatchObject({ kind: 1, status: { code: 2, message: "CANCELED" } });
  });

  it("has attributes of its model and its own, whatever people write into names", () => {
    const long = "x".repeat(300);
    const attributes = { rows: 3, large: 2 ** 40, below: -1, part: 0.5, umlaut: "Größe", long };
    const [span] = sent([aSpan({ shared: [about], attributes })]).spans;
    const told = span.attributes.map((each: { key: string; value: object }) => [
      each.key,
      each.value,
    ]);
    expect(Object.fromEntries(told)).toEqual({
      "beamgate.artifact": { stringValue: "onnx" },
      rows: { intValue: "3" },
      large: { intValue: String(2 ** 40) },
      below: { doubleValue: -1 },
      part: { doubleValue: 0.5 },
      umlaut: { stringValue: "Größe" },
      long: { stringValue: long },
    });
  });
});

describe("times", () => {
  it("are right at every point of a second, and beyond the year 2106", () => {
    const at = [0, 0.000001, 876.75, 999.999, 65_536_000, 2.6e12];
    const { spans } = sent(at.map((start) => aSpan({ start, end: start })));
    expect(spans.map((span: { endTimeUnixNano: string }) => span.endTimeUnixNano)).toEqual(
      at.map(nanos),
    );
  });
});

describe("a message", () => {
  it("names the server and the scope once, however many spans it has", () => {
    const { resource, scope, spans } = sent(Array.from({ length: 2000 }, () => aSpan({})));
    expect(spans).toHaveLength(2000);
    expect(scope).toEqual({ name: "beamgate", version: "9.8.7" });
    expect(resource.attributes).toEqual([
      { key: "service.name", value: { stringValue: "farm" } },
      { key: "process.pid", value: { intValue: "7" } },
    ]);
  });

  it("is not changed by the one that follows", () => {
    const encoder = anEncoder();
    const first = encoded([aSpan({ name: "first", shared: [about] })], encoder);
    const copy = Buffer.from(first);
    encoded([aSpan({ name: "other", shared: [about] })], encoder);
    expect(Buffer.from(first).equals(copy)).toBe(true);
  });
});

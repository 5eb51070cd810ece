import { describe, expect, it } from "vitest";
import { readTraceMessage } from "../../../test/support/otlp-message.ts";
import { aSignature } from "../../../test/support/requests.ts";
import { RequestTrace } from "../request-trace.ts";
import { type EndedRequest, modelAttributes, spansOf, type TracedRequest } from "../spans.ts";
import { TraceSetting } from "../trace-settings.ts";
import { TraceEncoder } from "./encode-traces.ts";
import { isPlain } from "./plain-request.ts";
import { ProtobufMessage } from "./protobuf-message.ts";

const source = {
  resource: { "service.name": "farm" },
  scope: { name: "beamgate", version: "9.8.7" },
  zeroMs: 1_764_356_400_123.25,
};
const setting = new TraceSetting({ level: ["TIMESTAMPS"], rate: 1, count: -1, logFrequency: 0 });
const known = modelAttributes(aSignature({ name: "größe\n\u0000\u{1f600}", version: "7" }), {
  "beamgate.backend": "xilinx-u50",
});
const aTrace = (number: number, more: { requestId?: string; tracestate?: string } = {}) =>
  new RequestTrace({
    ...{ setting, requestId: "", parent: undefined, tracestate: "", next: () => number },
    ...more,
  });
const aRequest = (
  trace: RequestTrace,
  more: Partial<EndedRequest> = {},
  of = known,
): TracedRequest => ({
  trace,
  known: of,
  ended: {
    ...{ signature: aSignature(), rows: 3, batchRows: 17, failure: undefined },
    timeline: { received: 1000.25, queued: 1001, dispatched: 1003.5, answered: 1010.125 },
    execution: { inputUs: 12, inferUs: 4321, outputUs: 99 },
    ...more,
  },
});

/** Ids of the parts are drawn anew each time they are told. */
function told(bytes: Uint8Array) {
  const { spans } = readTraceMessage(bytes);
  const drawn = new Set(spans.map(({ spanId }: { spanId: string }) => spanId));
  expect(drawn.size).toBe(spans.length);
  for (const span of spans) {
    if (span.name === "queue" || span.name === "compute") span.spanId = span.name;
  }
  return spans;
}

function sent(requests: readonly TracedRequest[], message = new ProtobufMessage(source)) {
  for (const request of requests) message.add(request);
  return message.take();
}

function oneByOne(requests: readonly TracedRequest[]) {
  const encoder = new TraceEncoder(source);
  for (const span of requests.flatMap(spansOf)) encoder.add(span);
  return encoder.take();
}

const plain: readonly TracedRequest[] = [
  aRequest(aTrace(1)),
  aRequest(aTrace(0), { rows: 1, batchRows: 1 }),
  aRequest(aTrace(2 ** 35 - 1), { rows: 2 ** 28, batchRows: 127 }),
  aRequest(aTrace(300), {
    timeline: { received: 5, queued: 5, dispatched: 5, answered: 5 },
    execution: { inputUs: 0, inferUs: 1e6, outputUs: 0 },
  }),
  aRequest(aTrace(4), {}, modelAttributes(aSignature({ name: "jets" }), {})),
];
const above = aTrace(6);
const others: readonly TracedRequest[] = [
  aRequest(aTrace(7, { requestId: "job 7" })),
  aRequest(aTrace(8, { tracestate: "vendor=1" })),
  aRequest(above.child()),
  aRequest(aTrace(9), { failure: "BACKEND" }),
  aRequest(aTrace(10), { cache: { hit: true, tookUs: 3 } }),
  aRequest(aTrace(11), { execution: undefined }),
  aRequest(aTrace(12), { timeline: { received: 1, queued: 0, dispatched: 0, answered: 2 } }),
  aRequest(aTrace(13), { batchRows: undefined }),
  aRequest(aTrace(5), { timeline: { received: 7, queued: 8, dispatched: 11, answered: 9 } }),
  aRequest(aTrace(2 ** 35)),
  aRequest(
    new RequestTrace({
      ...{ setting, requestId: "", tracestate: "", next: () => 14 },
      parent: { traceId: "ab".repeat(16), spanId: "cd".repeat(8), sampled: true },
    }),
  ),
];

describe("a message of requests", () => {
  it("tells those that are alike as it tells them one by one", () => {
    expect(plain.every(({ trace, ended }) => isPlain(trace, ended))).toBe(true);
    expect(told(sent(plain).bytes)).toEqual(told(oneByOne(plain)));
  });

  it("tells the others, too, whatever is between them", () => {
    expect(others.some(({ trace, ended }) => isPlain(trace, ended))).toBe(false);
    const mixed = others.flatMap((other, at) => [other, ...plain.slice(at, at + 1)]);
    expect(told(sent(mixed).bytes)).toEqual(told(oneByOne(mixed)));
  });

  it("counts its spans, and the next one begins with nothing", () => {
    const message = new ProtobufMessage(source);
    const first = sent([...plain, ...others], message);
    expect(readTraceMessage(first.bytes).spans).toHaveLength(first.count);
    const copy = Buffer.from(first.bytes);
    const next = sent(plain.slice(0, 1), message);
    expect(next.count).toBe(3);
    expect(readTraceMessage(next.bytes).spans).toHaveLength(3);
    expect(copy.equals(first.bytes)).toBe(true);
  });
});

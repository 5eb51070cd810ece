/** A finished request as spans: the request, its time in the queue, its computation. */
import type { RequestOutcome } from "../inference/outcome.ts";
import type { RequestTrace } from "./request-trace.ts";
import { type Stage, stageList, stagesOf } from "./stages.ts";
import { randomHex } from "./trace-ids.ts";

export interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: none. */
  readonly parentSpanId: string;
  /** Whether the parent is somebody else's. */
  readonly parentRemote: boolean;
  readonly tracestate: string;
  /** `Clock.now` ms. */
  readonly start: number;
  readonly end: number;
  readonly server: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly events: readonly Stage[];
  /** Why it failed; undefined: it did not. */
  readonly failure: string | undefined;
}

/** The name of Triton's own top span; a step of an ensemble is called like its model. */
const TOP = "InferRequest";

/** @param about what else is known of the model: backend, artifact. */
export function spansOf(
  trace: RequestTrace,
  outcome: RequestOutcome,
  about: Readonly<Record<string, string | number>>,
): Span[] {
  const { signature, rows, failure, batchRows, cache } = outcome;
  const stages = stagesOf(outcome);
  const { traceId, spanId, parentSpanId, tracestate, above } = trace;
  const model = {
    "triton.model_name": signature.name,
    "triton.model_version": Number(signature.version),
    "triton.trace_id": trace.number,
    "triton.trace_parent_id": above?.number ?? 0,
    ...(trace.requestId === "" ? {} : { "triton.request_id": trace.requestId }),
  };
  const request: Span = {
    name: above === undefined ? TOP : signature.name,
    traceId,
    spanId,
    parentSpanId,
    parentRemote: above === undefined,
    tracestate,
    start: stages.request.start,
    end: stages.request.end,
    server: above === undefined,
    attributes: {
      ...model,
      ...about,
      "beamgate.rows": rows,
      ...(cache === undefined ? {} : { "beamgate.cache": cache.hit ? "hit" : "miss" }),
      ...(failure === undefined ? {} : { "error.type": failure }),
    },
    events: stageList(stages).filter(({ name }) => /^(REQUEST|QUEUE)_/.test(name)),
    failure,
  };
  const below = (name: string, start: number, end: number): Span => ({
    ...request,
    name,
    spanId: randomHex(8),
    parentSpanId: spanId,
    parentRemote: false,
    server: false,
    start,
    end: Math.max(start, end),
    attributes: model,
    events: [],
    failure: undefined,
  });
  const { queue, compute } = stages;
  const spans = [request];
  if (queue !== undefined) spans.push(below("queue", queue.start, queue.end));
  if (compute !== undefined) {
    spans.push({
      ...below("compute", compute.start, compute.end),
      attributes: {
        ...model,
        ...about,
        ...(batchRows === undefined ? {} : { "beamgate.batch_rows": batchRows }),
      },
      events: stageList(stages).filter(({ name }) => name.startsWith("COMPUTE_")),
    });
  }
  return spans;
}

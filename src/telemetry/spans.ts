/** A finished request as spans: the request, its time in the queue, its computation. */
import type { RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { RequestTrace } from "./request-trace.ts";
import { type Stage, stageList, stagesOf } from "./stages.ts";
import { randomHex } from "./trace-ids.ts";

export type Attributes = Readonly<Record<string, string | number>>;

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
  /** The same objects for all requests of a model. */
  readonly shared: readonly Attributes[];
  /** Its own, besides. */
  readonly attributes: Attributes;
  readonly events: readonly Stage[];
  /** Why it failed; undefined: it did not. */
  readonly failure: string | undefined;
}

/** What every request of a model says: who it is, and what else is known of it (backend, artifact). */
export interface ModelAttributes {
  readonly model: Attributes;
  readonly about: Attributes;
}

export function modelAttributes(signature: ModelSignature, about: Attributes): ModelAttributes {
  const { name, version } = signature;
  return {
    model: { "triton.model_name": name, "triton.model_version": Number(version) },
    about,
  };
}

/** What its spans are made of: nothing that keeps tensors alive. */
export type EndedRequest = Pick<
  RequestOutcome,
  "signature" | "rows" | "timeline" | "failure" | "execution" | "batchRows" | "cache"
>;

/** The name of Triton's own top span; a step of an ensemble is called like its model. */
const TOP = "InferRequest";

/** How many spans it will be. */
export function spanCount({ timeline, execution }: EndedRequest): 1 | 2 | 3 {
  if (timeline.queued === 0) return 1;
  return execution === undefined || timeline.dispatched === 0 ? 2 : 3;
}

export function spansOf(
  trace: RequestTrace,
  ended: EndedRequest,
  { model, about }: ModelAttributes,
): Span[] {
  const { signature, rows, failure, batchRows, cache } = ended;
  const stages = stagesOf(ended);
  const { traceId, spanId, parentSpanId, tracestate, above, requestId } = trace;
  const events = stageList(stages);
  const ids: Record<string, string | number> = {
    "triton.trace_id": trace.number,
    "triton.trace_parent_id": above?.number ?? 0,
  };
  if (requestId !== "") ids["triton.request_id"] = requestId;
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
    shared: [model, about],
    attributes: {
      ...ids,
      "beamgate.rows": rows,
      ...(cache === undefined ? {} : { "beamgate.cache": cache.hit ? "hit" : "miss" }),
      ...(failure === undefined ? {} : { "error.type": failure }),
    },
    events: events.filter(({ name }) => name.startsWith("REQUEST_") || name.startsWith("QUEUE_")),
    failure,
  };
  const below = (
    name: string,
    { start, end }: { readonly start: number; readonly end: number },
    more: Pick<Span, "shared" | "attributes" | "events">,
  ): Span => ({
    ...{ name, traceId, spanId: randomHex(8), parentSpanId: spanId, parentRemote: false },
    ...{ tracestate, start, end: Math.max(start, end), server: false, failure: undefined },
    ...more,
  });
  const { queue, compute } = stages;
  const spans = [request];
  if (queue !== undefined) {
    spans.push(below("queue", queue, { shared: [model], attributes: ids, events: [] }));
  }
  if (compute !== undefined) {
    const attributes = batchRows === undefined ? ids : { ...ids, "beamgate.batch_rows": batchRows };
    const own = events.filter(({ name }) => name.startsWith("COMPUTE_"));
    spans.push(below("compute", compute, { shared: [model, about], attributes, events: own }));
  }
  return spans;
}

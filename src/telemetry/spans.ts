/** A finished request as spans: the request, its time in the queue, its computation. */
import type { RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { RequestTrace } from "./request-trace.ts";
import { computeStages, requestStages, type Stage, type Stages, stagesOf } from "./stages.ts";
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

/** What every request of a model that the same variant of it served says: who it is, and what else is known of it (backend, artifact). */
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
  "signature" | "rows" | "timeline" | "failure" | "execution" | "batchRows" | "cache" | "variant"
>;

/** A request that was traced and is over. */
export interface TracedRequest {
  readonly trace: RequestTrace;
  readonly ended: EndedRequest;
  readonly known: ModelAttributes;
}

/** The name of Triton's own top span; a step of an ensemble is called like its model. */
const TOP = "InferRequest";

/** How many spans it will be. */
export function spanCount({ timeline, execution }: EndedRequest): 1 | 2 | 3 {
  if (timeline.queued === 0) return 1;
  return execution === undefined || timeline.dispatched === 0 ? 2 : 3;
}

/** Written out field by field: copies of objects were half of what a trace costs. */
export function spansOf({ trace, ended, known }: TracedRequest): Span[] {
  const stages = stagesOf(ended);
  const ids = idsOf(trace);
  const spans = [requestSpan(trace, ended, known, stages, ids)];
  const { queue, compute } = stages;
  if (queue !== undefined) spans.push(queueSpan(trace, known, queue, ids));
  if (compute !== undefined) {
    const attributes =
      ended.batchRows === undefined ? ids : { ...ids, "beamgate.batch_rows": ended.batchRows };
    spans.push(computeSpan(trace, known, compute, attributes));
  }
  return spans;
}

function idsOf({ number, above, requestId }: RequestTrace): Attributes {
  const parent = above?.number ?? 0;
  return requestId === ""
    ? { "triton.trace_id": number, "triton.trace_parent_id": parent }
    : {
        "triton.trace_id": number,
        "triton.trace_parent_id": parent,
        "triton.request_id": requestId,
      };
}

function requestSpan(
  { above, traceId, spanId, parentSpanId, tracestate }: RequestTrace,
  { signature, rows, failure, cache }: EndedRequest,
  { model, about }: ModelAttributes,
  stages: Stages,
  ids: Attributes,
): Span {
  const { start, end } = stages.request;
  const attributes: Record<string, string | number> = { ...ids, "beamgate.rows": rows };
  if (cache !== undefined) attributes["beamgate.cache"] = cache.hit ? "hit" : "miss";
  if (failure !== undefined) attributes["error.type"] = failure;
  return {
    name: above === undefined ? TOP : signature.name,
    traceId,
    spanId,
    parentSpanId,
    parentRemote: above === undefined,
    tracestate,
    start,
    end,
    server: above === undefined,
    shared: [model, about],
    attributes,
    events: requestStages(stages),
    failure,
  };
}

function queueSpan(
  { traceId, spanId, tracestate }: RequestTrace,
  { model }: ModelAttributes,
  { start, end }: NonNullable<Stages["queue"]>,
  attributes: Attributes,
): Span {
  return {
    name: "queue",
    traceId,
    spanId: randomHex(8),
    parentSpanId: spanId,
    parentRemote: false,
    tracestate,
    start,
    end: Math.max(start, end),
    server: false,
    shared: [model],
    attributes,
    events: [],
    failure: undefined,
  };
}

function computeSpan(
  { traceId, spanId, tracestate }: RequestTrace,
  { model, about }: ModelAttributes,
  compute: NonNullable<Stages["compute"]>,
  attributes: Attributes,
): Span {
  const { start, end } = compute;
  return {
    name: "compute",
    traceId,
    spanId: randomHex(8),
    parentSpanId: spanId,
    parentRemote: false,
    tracestate,
    start,
    end: Math.max(start, end),
    server: false,
    shared: [model, about],
    attributes,
    events: computeStages(compute),
    failure: undefined,
  };
}

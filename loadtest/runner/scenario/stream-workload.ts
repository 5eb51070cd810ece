/** A stream of a scenario as the runner carries it out: requests in columns, and what is made of the answers. */
import type { Parameters } from "../../../src/inference/request.ts";
import type { ModelFacts } from "../../drivers/control/control.ts";
import type { Identity } from "../../drivers/identity.ts";
import type { Intended, StreamPlan } from "../../types.ts";
import type { AnswersOrder, RelayOrder } from "../generator/order.ts";
import type { Requests } from "../step.ts";
import type { StreamWorkload } from "../workload.ts";
import { analyseStream } from "./analyse-stream.ts";
import { pooledRequest } from "./pooled-request.ts";
import type { Decision, SentColumns } from "./sent-columns.ts";

/** Times and keys of more requests than this are not held. */
const MOST_REQUESTS = 30_000_000;
/** Requests of a closed loop that are made before it begins; it sends them in turn. */
const CLOSED_REQUESTS = 1024;

export interface StreamContext {
  readonly facts: ModelFacts;
  readonly identity: Identity;
  /** Of requests to the model that is asked first: in two-vendor mode the one that makes the events. */
  readonly parameters: Parameters | undefined;
  readonly relay?: RelayOrder;
  /** Whether the origin of the answers is wanted even where nothing decides on them. */
  readonly answers?: AnswersOrder;
}

export function streamWorkload(
  plan: StreamPlan,
  several: boolean,
  context: StreamContext,
): StreamWorkload {
  const made = new Map<string, { requests: Requests; sent: SentColumns }>();
  let last: SentColumns | undefined;
  const { arrivals } = plan;
  const closed = arrivals.concurrency;
  const decision = decisionOf(plan);
  return {
    name: several ? plan.name : "",
    ...{ facts: context.facts, version: plan.version },
    ...context.identity,
    ...(closed === undefined ? {} : { concurrency: closed }),
    ...(context.relay === undefined ? {} : { relay: context.relay }),
    ...(context.answers === undefined ? {} : { answers: context.answers }),
    ...(decision === undefined ? {} : { threshold: decision.threshold }),
    requests(durationMs, perSecond) {
      const key = `${durationMs} ${perSecond}`;
      const known = made.get(key) ?? columnsOf(plan, context, durationMs, perSecond);
      made.set(key, known);
      last = known.sent;
      return known.requests;
    },
    ...(closed !== undefined || (decision === undefined && arrivals.lhc === undefined)
      ? {}
      : {
          analyse: (step, warmupMs) =>
            last === undefined ? {} : analyseStream(decision, last, step, warmupMs),
        }),
  };
}

function decisionOf({ trigger, stream }: StreamPlan): Decision | undefined {
  const spec = stream.trigger;
  if (trigger === undefined || spec === undefined) return undefined;
  return { threshold: spec.threshold, prescale: spec.prescale, make: trigger };
}

function columnsOf(
  plan: StreamPlan,
  context: StreamContext,
  durationMs: number,
  perSecond: number | undefined,
): { requests: Requests; sent: SentColumns } {
  const { arrivals, payloads } = plan;
  const closed = arrivals.concurrency !== undefined;
  const stretch = perSecond === undefined || closed ? 1 : ownRate(plan) / perSecond;
  const intended: Intended[] = [];
  const keys: number[] = [];
  for (const one of arrivals) {
    const atMs = one.atMs * stretch;
    if (closed ? keys.length >= CLOSED_REQUESTS : atMs >= durationMs) break;
    if (keys.length >= MOST_REQUESTS) {
      throw new Error(
        `stream '${plan.name}': more than ${MOST_REQUESTS} requests in ${durationMs / 1000} s; make the run shorter`,
      );
    }
    intended.push(stretch === 1 ? one : { ...one, atMs });
    keys.push(payloads.next(one).key);
  }
  if (keys.length === 0) {
    throw new Error(`stream '${plan.name}': nothing is due within ${durationMs / 1000} s`);
  }
  const { lhc } = arrivals;
  const sent: SentColumns = {
    ...{ intended, keys: Uint32Array.from(keys), pool: payloads.pool },
    lhc: lhc && { ...lhc, slotMs: lhc.slotMs * stretch, dilation: lhc.dilation * stretch },
  };
  const { stream, model, version } = plan;
  // In two-vendor mode the model that makes the events is asked first.
  const asked =
    stream.payload.kind === "generated"
      ? { model: stream.payload.by, version: stream.payload.byVersion }
      : { model, version };
  const pool = payloads.pool.map((payload) => pooledRequest(asked, payload, context.parameters));
  return {
    sent,
    requests: {
      ...{ pool, keys: sent.keys },
      ...(closed ? {} : { ns: Float64Array.from(intended, ({ atMs }) => Math.round(atMs * 1e6)) }),
    },
  };
}

/** Requests a second of the scenario as it is, over its first seconds. */
function ownRate({ arrivals, name }: StreamPlan): number {
  const most = 10_000;
  const mostMs = 10_000;
  let count = 0;
  let atMs = 0;
  for (const one of arrivals) {
    if (count >= most || one.atMs >= mostMs) break;
    count += 1;
    atMs = one.atMs;
  }
  if (atMs <= 0) throw new Error(`stream '${name}': its own rate cannot be told`);
  return (count * 1000) / atMs;
}

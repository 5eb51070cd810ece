/** A request in the scheduler's hands. */
import type { InferCall, InferRequest } from "../inference/request.ts";
import type { Sharer } from "../policy/fair-share/share-clock.ts";
import type { Lane } from "../pool/lane.ts";
import type { Chain, Link } from "./chain.ts";

/**
 * From `submit` to its answer. What a batch is filled by stands first, see `newEntry`: of thousands that wait a
 * decision meets dozens that are in no cache, and fetches a line of each.
 */
export interface Entry {
  readonly request: InferRequest;
  /** Its places in the queue; undefined while it does not wait. */
  places: Places | undefined;
  /** Whose device time it takes; undefined where nobody's is divided. */
  payer: Sharer | undefined;
  /** Its client set a deadline. */
  readonly urgent: boolean;
  /** Of its call; a batch is filled without looking at calls. Monotonic ms; Infinity for none. */
  readonly deadline: number;
  /** `ENDED` once it was answered: what the transport keeps for a call goes then, not with the entry. */
  call: InferCall;
  /** Index of the priority level, 0 first. */
  level: number;
  delayed: boolean;
  /** Monotonic ms at which the queue policy's time-out passes; Infinity for none. */
  expiresAt: number;
  /** Its turn within its level, see `dueAt`; monotonic ms. */
  dueAt: number;
  /** Since when it waits, also before it came from another variant; monotonic ms. */
  readonly queuedAt: number;
  /** Executions that ended with the death of their worker while this request ran in them. */
  deaths: number;
  /** Devices of its variant that failed it, the last of which is avoided. */
  moves: number;
  avoid: Lane | undefined;
}

export interface Places {
  readonly inLine: Link<Entry>;
  readonly peers: Chain<Entry>;
  readonly amongPeers: Link<Entry>;
}

/**
 * It waits from now on, or has waited since its timeline says so, as the only level knows it: first come, first
 * served. @param now monotonic ms
 */
export function newEntry(request: InferRequest, call: InferCall, now: number): Entry {
  const queuedAt = call.timeline.queued || now;
  const { deadline } = call;
  // Fields lie in memory in this order.
  return {
    request,
    places: undefined,
    payer: undefined,
    urgent: deadline !== Number.POSITIVE_INFINITY,
    deadline,
    call,
    level: 0,
    delayed: false,
    expiresAt: Number.POSITIVE_INFINITY,
    dueAt: queuedAt,
    queuedAt,
    deaths: 0,
    moves: 0,
    avoid: undefined,
  };
}

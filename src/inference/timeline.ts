/**
 * When a request passed each stage, monotonic ms (`Clock.now`). Stages stamp;
 * nobody but `telemetry/account.ts` observes, once, at the end of the life.
 * 0 means: not reached.
 */
export interface Timeline {
  /** Last byte of the request was there. */
  received: number;
  /** Entered the queue of its pool; the first, where it went on from one variant to another. */
  queued: number;
  /** Its batch was closed and given to a worker. */
  dispatched: number;
  /** The answer (or the error) was handed to the transport. */
  answered: number;
  /** The execution that served it, told before the answer is: an ensemble adds up those of its steps. */
  execution?: ExecutionTiming | undefined;
}

/** Times of a whole batch. */
export interface ExecutionTiming {
  /** Writing the batch into the room and reading it in the worker. */
  readonly inputUs: number;
  readonly inferUs: number;
  readonly outputUs: number;
}

export function newTimeline(received: number): Timeline {
  return { received, queued: 0, dispatched: 0, answered: 0, execution: undefined };
}

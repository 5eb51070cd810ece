/**
 * What a deadline means for a request that waits: whom it goes before, until when it may be started, and
 * whether it is still worth starting. Earliest deadline first collapses under overload, when everybody is
 * served just too late, so what cannot be in time is not begun (Buttazzo, Hard Real-Time Computing
 * Systems, ch. 9: "robust EDF").
 */

/** Who has no deadline, or a far one, takes turns by arrival: as if its deadline were this long after it, ms. */
const FAR_MS = 1_000;
/** Executions are expected to take so much longer than they were predicted to. */
const RESERVE = 0.1;
/** From a finished execution to an answered client, ms: timers and sockets. */
const ANSWER_MS = 1;

/** Order of those that wait: smaller is served first. By arrival among those that have no deadline. */
export function dueAt(deadline: number, queuedAt: number): number {
  return Math.min(deadline, queuedAt + FAR_MS);
}

/** When an execution must begin to be in time, if it takes so long as predicted. */
export function latestStart(deadline: number, predictedUs: number): number {
  return deadline - ANSWER_MS - (predictedUs * (1 + RESERVE)) / 1000;
}

/** What stands between a request that comes now and its answer. */
export interface Ahead {
  /** Rows that will be served before it, its own included. */
  readonly rows: number;
  /** Largest batch that is made. */
  readonly batchRows: number;
  /** Time of a batch that large, and of its own if nothing else joins it, µs. */
  readonly batchUs: number;
  readonly ownUs: number;
  readonly devices: number;
  /** Of these devices, the part that is the tenant's, 0 to 1. */
  readonly part: number;
  /** Until one of the devices is free, µs. */
  readonly untilFreeUs: number;
}

/** When it will probably be answered, µs from now, with nothing in reserve. */
export function predictedUs(ahead: Ahead): number {
  const { rows, batchRows, batchUs, ownUs, devices, part, untilFreeUs } = ahead;
  const batches = Math.ceil(rows / batchRows);
  if (batches <= 1) return untilFreeUs + ownUs;
  return untilFreeUs + ((batches - 1) * batchUs) / (devices * part) + batchUs;
}

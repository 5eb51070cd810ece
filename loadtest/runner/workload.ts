/** What a scenario comes down to once the model is known: requests, and when they are due. */
import type { PooledRequest } from "./plan.ts";

export interface Arrivals {
  /** When each request is due, ns after the start, in order. */
  readonly ns: Float64Array;
  /** Crossing of each request, counted from the start of the run; absent: no LHC time base. */
  readonly crossing?: Float64Array;
}

export interface Workload {
  readonly pool: readonly PooledRequest[];
  /** Deterministic: the same for the same arguments. @param perSecond in place of the scenario's own rate */
  arrivals(durationMs: number, perSecond?: number): Arrivals;
}

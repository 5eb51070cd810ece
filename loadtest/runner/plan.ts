/**
 * Which requests a generator sends, and when. Times and requests are made once,
 * by the runner, from the scenario's seed: generators only carry them out, so a
 * run has the same requests however many processes share it.
 */
import type { ClientRequest, Driver, Prepared } from "../drivers/driver.ts";
import type { Plan, Planned } from "./generator/generator.ts";

/** A request that is sent over and over, in turn with the others of its pool. */
export interface PooledRequest {
  readonly request: ClientRequest;
  readonly rows: number;
  /** Position in the identities: the experiment that asks. */
  readonly identity: number;
}

export interface PlanOrder {
  readonly pool: readonly PooledRequest[];
  /** Generator `index` of `of` sends the requests index, index + of, index + 2 of, ... of the run. */
  readonly index: number;
  readonly of: number;
  /** When each of **this** generator's requests is due, ms after the start; absent in a closed loop, which has no end. */
  readonly dueMs?: Float64Array;
  /** Closed loop: ends after so many requests of this generator. */
  readonly most?: number;
}

/** Which of the pool request `number` of a run is. */
export function pooledAt(number: number, poolSize: number): number {
  return number % poolSize;
}

export function planOf(order: PlanOrder, driver: Driver): Plan {
  const { pool, index, of, dueMs, most } = order;
  if (pool.length === 0) throw new RangeError("a plan without requests");
  const prepared: (Prepared | undefined)[] = Array(pool.length).fill(undefined);
  const end = dueMs?.length ?? most ?? Number.POSITIVE_INFINITY;
  // One object for all: the generator reads it before it asks for the next.
  const planned = { number: 0, dueMs: 0, prepared: { bytes: 0 } as Prepared, rows: 0, identity: 0 };
  let sent = 0;
  return {
    next(): Planned | undefined {
      if (sent >= end) return undefined;
      const number = index + sent * of;
      const at = pooledAt(number, pool.length);
      const pooled = pool[at];
      if (pooled === undefined) throw new RangeError("a plan without requests");
      const message = prepared[at] ?? driver.prepare(pooled.request);
      prepared[at] = message;
      planned.number = number;
      planned.dueMs = dueMs?.[sent] ?? 0;
      planned.prepared = message;
      planned.rows = pooled.rows;
      planned.identity = pooled.identity;
      sent += 1;
      return planned;
    },
  };
}

/** Of the times of all requests those of one generator. */
export function shareOfTimes(times: Float64Array, index: number, of: number): Float64Array {
  const share = new Float64Array(Math.ceil(Math.max(0, times.length - index) / of));
  for (let at = 0; at < share.length; at++) share[at] = times[index + at * of] ?? 0;
  return share;
}

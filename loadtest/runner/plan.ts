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
  /** Which of the pool each of this generator's requests is; absent: in turn. */
  readonly keys?: Uint32Array;
  /** Closed loop: ends after so many requests of this generator. */
  readonly most?: number;
}

/** Which of the pool request `number` of a run is, where nothing else is said. */
export function pooledAt(number: number, poolSize: number): number {
  return number % poolSize;
}

export function planOf(order: PlanOrder, driver: Driver): Plan {
  const { pool, index, of, dueMs, keys, most } = order;
  if (pool.length === 0) throw new RangeError("a plan without requests");
  // All before the first is due: encoding would make others late.
  const prepared = pool.map(({ request }) => driver.prepare(request));
  const end = dueMs?.length ?? most ?? Number.POSITIVE_INFINITY;
  // One object for all: the generator reads it before it asks for the next.
  const planned = { number: 0, dueMs: 0, prepared: { bytes: 0 } as Prepared, rows: 0, identity: 0 };
  let sent = 0;
  return {
    next(): Planned | undefined {
      if (sent >= end) return undefined;
      const number = index + sent * of;
      const at = keys === undefined ? pooledAt(number, pool.length) : (keys[sent] ?? 0);
      const pooled = pool[at];
      const message = prepared[at];
      if (pooled === undefined || message === undefined)
        throw new RangeError("a plan without requests");
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

/** Of a column with an entry for each request of the run the entries of one generator. */
export function shareOf<C extends Float64Array | Uint32Array>(
  column: C,
  index: number,
  of: number,
): C {
  const length = Math.ceil(Math.max(0, column.length - index) / of);
  const share = column.slice(0, length) as C;
  for (let at = 0; at < length; at++) share[at] = column[index + at * of] ?? 0;
  return share;
}

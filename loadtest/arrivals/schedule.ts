/** Arrivals as arrays: what is sent to generator processes, and hashed into the result. */
import { StatusError } from "../../src/errors.ts";
import type { Arrivals, Intended } from "../types.ts";

export interface Schedule {
  /** When each request is due, whole ns after the start, in order. */
  readonly ns: Float64Array;
  /** Crossing of the first event of each; absent: no LHC time base. */
  readonly bx?: Float64Array;
  /** Events of each. */
  readonly events: Uint32Array;
}

/** Requests that are held at most: 24 bytes each. */
const MOST = 50_000_000;

/**
 * @returns all that is due before `durationMs`
 * @throws StatusError for a closed loop, which has no times, and for more requests than memory holds
 */
export function scheduleOf(arrivals: Arrivals, durationMs: number): Schedule {
  if (arrivals.concurrency !== undefined) {
    throw new StatusError("FAILED_PRECONDITION", "a closed loop has no times of its own");
  }
  const endNs = durationMs * 1e6;
  const ns = new Column();
  const bx = new Column();
  const events = new Column();
  for (const intended of arrivals) {
    const dueNs = Math.round(intended.atMs * 1e6);
    if (dueNs >= endNs) break;
    if (ns.length >= MOST) {
      throw new StatusError(
        "RESOURCE_EXHAUSTED",
        `more than ${MOST} requests in ${durationMs / 1000} s (${arrivals.describe}): sample, dilate or pack more`,
      );
    }
    ns.push(dueNs);
    bx.push(intended.bx ?? 0);
    events.push(intended.events);
  }
  return {
    ns: ns.values(),
    ...(arrivals.lhc === undefined ? {} : { bx: bx.values() }),
    events: Uint32Array.from(events.values()),
  };
}

/** The request of a schedule as `Intended`, for a payload source or `LhcTime.crossings`. */
export function intendedAt({ ns, bx, events }: Schedule, number: number): Intended {
  return {
    atMs: (ns[number] ?? 0) / 1e6,
    ...(bx === undefined ? {} : { bx: bx[number] ?? 0 }),
    events: events[number] ?? 1,
  };
}

class Column {
  #values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  values(): Float64Array {
    return this.#values.slice(0, this.length);
  }
}

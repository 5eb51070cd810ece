/** Arrivals up to a time, as arrays: for tests that look at all of them. */
import type { Arrivals, Intended } from "../../loadtest/types.ts";

export interface Schedule {
  /** When each request is due, whole ns after the start, in order. */
  readonly ns: Float64Array;
  /** Crossing of the first event of each; absent: no LHC time base. */
  readonly bx?: Float64Array;
  /** Events of each. */
  readonly events: Uint32Array;
}

/** @returns all that is due before `durationMs` */
export function scheduleOf(arrivals: Arrivals, durationMs: number): Schedule {
  const all: Intended[] = [];
  for (const intended of arrivals) {
    if (intended.atMs >= durationMs) break;
    all.push(intended);
  }
  return {
    ns: Float64Array.from(all, ({ atMs }) => Math.round(atMs * 1e6)),
    ...(arrivals.lhc === undefined ? {} : { bx: Float64Array.from(all, ({ bx = 0 }) => bx) }),
    events: Uint32Array.from(all, ({ events }) => events),
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

/** What became of each request of a run, by its number: the columns of all generators put together. */
import { Outcome } from "../generator/event-log.ts";
import type { GeneratorOver } from "../generator/order.ts";

export interface Outcomes {
  /** See `Outcome`; `unanswered` for what nobody logged. */
  readonly outcome: Uint8Array;
  /** From the intended time, ms; NaN where no good answer came. */
  readonly latencyMs: Float64Array;
  /** One a row; undefined where no good answer came, or answers were not looked into. */
  scores(number: number): Float32Array | undefined;
  /** Requests that were measured but not kept: the log was full. */
  readonly left: number;
}

/** @param requests of the whole run */
export function outcomesOf(overs: readonly GeneratorOver[], requests: number): Outcomes {
  const outcome = new Uint8Array(requests);
  const latencyMs = new Float64Array(requests).fill(Number.NaN);
  const scoreAt = new Float64Array(requests);
  const scoreCount = new Uint32Array(requests);
  const from = new Uint8Array(requests);
  let left = 0;
  overs.forEach(({ events }, index) => {
    if (events === undefined) return;
    left += events.left;
    events.number.forEach((number, at) => {
      if (number >= requests) return;
      const what = events.outcome[at] ?? Outcome.unanswered;
      outcome[number] = what;
      if (what !== Outcome.good) return;
      latencyMs[number] = events.latencyMs[at] ?? Number.NaN;
      scoreAt[number] = events.scoreAt[at] ?? 0;
      scoreCount[number] = events.scoreCount[at] ?? 0;
      from[number] = index;
    });
  });
  return {
    ...{ outcome, latencyMs, left },
    scores(number) {
      const count = scoreCount[number] ?? 0;
      if (count === 0) return undefined;
      const start = scoreAt[number] ?? 0;
      return overs[from[number] ?? 0]?.events?.scores.subarray(start, start + count);
    },
  };
}

/** What one model is asked of a scenario's events: some of them, with one or several requests each. */
import type { Random } from "../../models/make/random.ts";
import type { Spread } from "../scenario/words.ts";
import type { Arrivals, Intended } from "../types.ts";
import { randomFor } from "./seed.ts";
import { drawn, spreadText } from "./spread.ts";

export interface PerEvent {
  /** Share of the events that ask. */
  readonly share: number;
  /** Requests at the same time. */
  readonly requests: Spread;
}

/** @param purpose keeps the random choices of two streams apart */
export function perEvent(
  arrivals: Arrivals,
  { share, requests }: PerEvent,
  seed: number,
  purpose: string,
): Arrivals {
  if ((share === 1 && requests === 1) || arrivals.concurrency !== undefined) return arrivals;
  const some = share === 1 ? "" : `; ${Number((100 * share).toPrecision(3))} % of the events`;
  const many = requests === 1 ? "" : `; ${spreadText(requests)} requests an event`;
  return {
    ...arrivals,
    describe: `${arrivals.describe}${some}${many}`,
    *[Symbol.iterator](): Iterator<Intended> {
      const random: Random = randomFor(seed, `per event ${purpose}`);
      for (const intended of arrivals) {
        if (share < 1 && !random.chance(share)) continue;
        const count = drawn(requests, random);
        for (let i = 0; i < count; i++) yield intended;
      }
    },
  };
}

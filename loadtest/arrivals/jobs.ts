/**
 * The load of batch jobs (SONIC): a wave of jobs starts, each goes through its
 * events, and asks at every one. Jobs do not wait for answers longer than an event
 * takes, as CMSSW's asynchronous calls do: the load is an open one. Jobs that are
 * many together look Poisson; their starts do not.
 */
import type { Random } from "../../models/make/random.ts";
import type { Arrivals, Intended } from "../types.ts";
import { randomFor } from "./seed.ts";
import { TimeQueue } from "./time-queue.ts";

export interface Jobs {
  readonly jobs: number;
  readonly waves: number;
  readonly waveEveryS: number;
  /** Starts of a wave lie within it. */
  readonly spreadS: number;
  /** Mean time of an event. */
  readonly eventMs: number;
  /** Sigma of its logarithm. */
  readonly eventSpread: number;
}

export function jobArrivals(jobs: Jobs, seed: number): Arrivals {
  const { jobs: many, waves, waveEveryS, spreadS, eventMs, eventSpread } = jobs;
  // The mean of a log-normal is exp(mu + sigma^2 / 2).
  const mu = Math.log(eventMs) - eventSpread ** 2 / 2;
  return {
    describe:
      `${many} jobs in ${waves} wave${waves === 1 ? "" : "s"}` +
      `${waves === 1 ? "" : ` every ${waveEveryS} s`}, each asking every ${eventMs} ms on average`,
    scale: `${many} jobs at a time, of the thousands of an experiment; their rate is as it is written`,
    *[Symbol.iterator](): Iterator<Intended> {
      const random = randomFor(seed, "jobs");
      const next = new TimeQueue(many);
      for (let job = 0; job < many; job++) {
        const wave = Math.floor((job * waves) / many);
        next.push(1000 * (wave * waveEveryS + random.uniform(0, spreadS)));
      }
      for (;;) {
        const atMs = next.first;
        next.removeFirst();
        yield { atMs, events: 1 };
        next.push(atMs + eventTime(random, mu, eventSpread));
      }
    },
  };
}

function eventTime(random: Random, mu: number, sigma: number): number {
  return Math.exp(random.normal(mu, sigma));
}

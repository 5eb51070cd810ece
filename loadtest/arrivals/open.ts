/** Open loops without an LHC: constant, Poisson, ramp. */
import type { Random } from "../../models/make/random.ts";
import type { Arrivals, Intended } from "../types.ts";
import { randomFor } from "./seed.ts";

export function constantArrivals(perSecond: number): Arrivals {
  return {
    describe: `${perSecond}/s, evenly spaced`,
    scale: "the rate as it is written",
    *[Symbol.iterator](): Iterator<Intended> {
      // Multiplied, not added up: no drift over a long run.
      for (let at = 0; ; at++) yield { atMs: (at * 1000) / perSecond, events: 1 };
    },
  };
}

export function poissonArrivals(perSecond: number, seed: number): Arrivals {
  return {
    describe: `${perSecond}/s on average, at random (Poisson)`,
    scale: "the rate as it is written",
    *[Symbol.iterator](): Iterator<Intended> {
      const random = randomFor(seed, "poisson");
      for (let atMs = exponential(random); ; atMs += exponential(random)) {
        yield { atMs: (1000 * atMs) / perSecond, events: 1 };
      }
    },
  };
}

export interface Ramp {
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly overS: number;
  readonly distribution: "constant" | "poisson";
}

/** The rate goes evenly from one to the other, and stays there. */
export function rampArrivals(ramp: Ramp, seed: number): Arrivals {
  const { fromPerSecond: from, toPerSecond: to, overS, distribution } = ramp;
  if (from === 0 && to === 0) throw new RangeError("a ramp from 0 to 0 never asks");
  return {
    describe: `${from}/s to ${to}/s over ${overS} s, ${distribution === "constant" ? "evenly spaced" : "at random (Poisson)"}`,
    scale: "the rates as they are written",
    *[Symbol.iterator](): Iterator<Intended> {
      const random = randomFor(seed, "ramp");
      const step = () => (distribution === "constant" ? 1 : exponential(random));
      // The n-th request is due when so many have become due on average.
      for (let due = distribution === "constant" ? 0 : step(); ; due += step()) {
        const atS = timeOf(due, ramp);
        if (atS === undefined) return;
        yield { atMs: 1000 * atS, events: 1 };
      }
    },
  };
}

/** When the integral of the rate reaches `due`, s; undefined: never, as the ramp ended at 0. */
function timeOf(
  due: number,
  { fromPerSecond: from, toPerSecond: to, overS }: Ramp,
): number | undefined {
  const inRamp = ((from + to) / 2) * overS;
  if (due > inRamp) return to === 0 ? undefined : overS + (due - inRamp) / to;
  const slope = (to - from) / overS;
  if (slope === 0) return due / from;
  // Root of from t + slope t^2 / 2 = due, in the form that loses no digits for a small slope.
  return (2 * due) / (from + Math.sqrt(Math.max(0, from * from + 2 * slope * due)));
}

/** Of mean 1. */
function exponential(random: Random): number {
  return random.exponential(1);
}

/** Stretches of time whose events travel in one request: trains, orbits, slices. */
import type { FillingScheme } from "../../types.ts";
import { SLOTS } from "./clock.ts";
import { trainsOf } from "./filling.ts";

export interface Unit {
  /** Crossings from the start of the run: the first one, and the one behind the last. */
  readonly from: number;
  readonly to: number;
}

export interface Units {
  /** The n-th unit of the run. */
  at(n: number): Unit;
  /** Which unit a crossing belongs to. */
  holding(bx: number): Unit;
}

export function orbitUnits(): Units {
  return sliceUnits(SLOTS);
}

/** Stretches of `length` crossings from the start of the run on, whatever the orbits. */
export function sliceUnits(length: number): Units {
  const at = (n: number) => ({ from: n * length, to: (n + 1) * length });
  return {
    at,
    holding: (bx) => at(Math.floor(bx / length)),
  };
}

export function trainUnits(scheme: FillingScheme): Units {
  const trains = trainsOf(scheme);
  const at = (n: number): Unit => {
    const orbit = Math.floor(n / trains.length);
    const train = trains[n - orbit * trains.length] as (typeof trains)[number];
    return { from: orbit * SLOTS + train.first, to: orbit * SLOTS + train.last + 1 };
  };
  return {
    at,
    holding(bx) {
      const slot = bx % SLOTS;
      const train = trains.findIndex(({ first, last }) => first <= slot && slot <= last);
      return at(Math.floor(bx / SLOTS) * trains.length + Math.max(0, train));
    },
  };
}

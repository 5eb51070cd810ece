/** Demand for two bitstreams, A and B, on which placement is judged. Rows per slot; loads are shares of all boards' capacity. */
import { poisson, seeded } from "./seeded.ts";
import type { Arrivals } from "./world.ts";

export type Trace = readonly [readonly number[], readonly number[]];

/** How much there is of everything. */
export interface Scale {
  readonly slots: number;
  /** Rows of either bitstream that all boards together serve in a slot. */
  readonly capacity: readonly [number, number];
}

/** A for half a period, then B, and so on. */
export function squareWave(scale: Scale, load: number, periodSlots: number): Trace {
  const isA = (slot: number) => slot % periodSlots < periodSlots / 2;
  return both(scale, (slot) => (isA(slot) ? [load, 0] : [0, load]));
}

/** Both all the time, by chance. */
export function poissonBoth(scale: Scale, loads: readonly [number, number], seed: number): Trace {
  const random = seeded(seed);
  const means = [loads[0] * scale.capacity[0], loads[1] * scale.capacity[1]];
  return unzip(scale.slots, () => means.map((mean) => poisson(mean, random)));
}

/** One of them, by chance, gets `burst` slots of full capacity at once; so often that `load` is the mean. */
export function bursts(scale: Scale, load: number, burst: number, seed: number): Trace {
  const random = seeded(seed);
  return both(scale, () => {
    if (random() >= load / burst) return [0, 0];
    return random() < 0.5 ? [burst, 0] : [0, burst];
  });
}

/** A all the time, and a row of B every `everySlots`. */
export function dominantAndTrickle(scale: Scale, load: number, everySlots: number): Trace {
  const [dominant] = both(scale, () => [load, 0]);
  return [dominant, dominant.map((_, slot) => (slot % everySlots === 0 ? 1 : 0))];
}

/** Whole rows whose sum follows the loads: what is cut off one slot comes with a later one. */
function both({ slots, capacity }: Scale, loads: (slot: number) => [number, number]): Trace {
  const owed = [0, 0];
  return unzip(slots, (slot) =>
    loads(slot).map((load, bitstream) => {
      const due = (owed[bitstream] ?? 0) + load * (capacity[bitstream] ?? 0);
      owed[bitstream] = due - Math.floor(due);
      return Math.floor(due);
    }),
  );
}

function unzip(slots: number, rowsIn: (slot: number) => readonly number[]): Trace {
  const pairs = Array.from({ length: slots }, (_, slot) => rowsIn(slot));
  return [pairs.map(([a]) => a ?? 0), pairs.map(([, b]) => b ?? 0)];
}

/**
 * Sends all to the bitstream that fewer boards hold: each time the placement follows, the demand flips.
 * @param load share of the capacity
 * @param whileLoading it does not wait for a switch to end before it flips
 */
export function adversary({ capacity }: Scale, load: number, whileLoading: boolean): Arrivals {
  return (_, devices) => {
    const counted = devices.filter(({ state }) => whileLoading || state === "ready");
    const holdB = counted.filter(({ resident }) => resident === "B").length;
    return holdB * 2 > counted.length
      ? [Math.floor(load * capacity[0]), 0]
      : [0, Math.floor(load * capacity[1])];
  };
}

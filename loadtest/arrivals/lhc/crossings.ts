/**
 * Colliding crossings, counted from the start of the run, and the random ones of
 * them that ask. All integers; what is left out is skipped, not looked at.
 */
import { Random } from "../../../models/make/random.ts";
import type { FillingScheme } from "../../types.ts";
import { failuresBefore } from "../seed.ts";
import { SLOTS } from "./clock.ts";

/** The n-th colliding crossing of the run. */
export function collidingAt({ filled }: FillingScheme, n: number): number {
  const orbit = Math.floor(n / filled.length);
  return orbit * SLOTS + (filled[n - orbit * filled.length] as number);
}

/** Each colliding crossing with the probability, in order, without end. */
export function* crossings(
  scheme: FillingScheme,
  probability: number,
  random: Random,
): Generator<number> {
  for (
    let n = failuresBefore(random, probability);
    ;
    n += 1 + failuresBefore(random, probability)
  ) {
    yield collidingAt(scheme, n);
  }
}

/** Colliding slots before each slot: entry 3564 is the number of all. */
export function filledBefore({ slots }: FillingScheme): Uint16Array {
  const before = new Uint16Array(SLOTS + 1);
  for (let slot = 0; slot < SLOTS; slot++) {
    before[slot + 1] = (before[slot] as number) + (slots[slot] as number);
  }
  return before;
}

/**
 * Of the colliding crossings `from` to `to - 1` those that ask. The same for the
 * same arguments whoever asks, in any order: the random numbers are the range's own.
 */
export function crossingsWithin(
  range: { readonly from: number; readonly to: number },
  scheme: FillingScheme,
  before: Uint16Array,
  probability: number,
  seed: number,
): Float64Array {
  const { from, to } = range;
  const count = (bx: number) =>
    Math.floor(bx / SLOTS) * scheme.filled.length + (before[bx % SLOTS] as number);
  const first = count(from);
  const last = count(to);
  if (probability >= 1) {
    return Float64Array.from({ length: last - first }, (_, at) => collidingAt(scheme, first + at));
  }
  const kept: number[] = [];
  const random = new Random(
    (Math.imul(from, 0x9e3779b1) ^ Math.floor(from / 2 ** 32) ^ seed) >>> 0,
  );
  for (
    let n = first + failuresBefore(random, probability);
    n < last;
    n += 1 + failuresBefore(random, probability)
  ) {
    kept.push(collidingAt(scheme, n));
  }
  return Float64Array.from(kept);
}

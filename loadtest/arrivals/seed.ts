/** One seed of a run becomes a stream of random numbers for each purpose, so that they do not disturb each other. */
import { Random } from "../../models/make/random.ts";

/** @param purpose what the numbers are for: other words, other numbers */
export function randomFor(seed: number, purpose: string): Random {
  // FNV-1a over the seed and the words.
  let hash = 0x811c9dc5;
  for (const code of [seed >>> 0, Math.floor(seed / 2 ** 32), ...Buffer.from(purpose)]) {
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ ((code >>> shift) & 0xff), 0x01000193);
    }
  }
  return new Random(hash >>> 0);
}

/**
 * How many tries fail before one succeeds, each with the probability: the gap
 * between two that are kept, without looking at what is left out.
 */
export function failuresBefore(random: Random, probability: number): number {
  if (probability >= 1) return 0;
  // 53 bits: at one in 10^9 the gaps are as fine as they should be.
  const uniform = (random.bits() * 2 ** 21 + (random.bits() >>> 11)) / 2 ** 53;
  return Math.floor(Math.log1p(-uniform) / Math.log1p(-probability));
}

/**
 * Output rate against threshold: f_rev * N_colliding * P(accept), with the Poisson
 * error of the accepts that were seen (operations of a trigger menu; the rate
 * before dead time and prescale).
 */
import { poissonInterval } from "./intervals.ts";

export interface RatePoint {
  readonly threshold: number;
  readonly perSecond: number;
  readonly low: number;
  readonly high: number;
  /** Events at or above the threshold. */
  readonly accepts: number;
}

/**
 * @param scores of the events that were seen; NaN for one without an answer: it counts as seen, not as accepted
 * @param distinct scores of those of them that were no repetition of another: only these make the rate more certain
 * @param eventsHz rate of the events they stand for: `ORBIT_HZ` times the colliding bunches for every crossing
 */
export function ratesByThreshold(
  scores: Float32Array,
  distinct: Float32Array,
  eventsHz: number,
  thresholds: readonly number[],
): RatePoint[] {
  const all = sortedScores(scores);
  const once = sortedScores(distinct);
  const perEvent = eventsHz / Math.max(1, scores.length);
  return thresholds.map((threshold) => {
    const accepts = all.length - firstAtLeast(all, threshold);
    const independent = once.length - firstAtLeast(once, threshold);
    const { low, high } = poissonInterval(independent);
    // Each distinct one stands for as many as it was repeated.
    const each =
      independent > 0
        ? (accepts / independent) * perEvent
        : eventsHz / Math.max(1, distinct.length);
    return {
      ...{ threshold, accepts, perSecond: accepts * perEvent },
      ...{ low: low * each, high: high * each },
    };
  });
}

function sortedScores(scores: Float32Array): Float32Array {
  return scores.filter((score) => !Number.isNaN(score)).sort();
}

/** `count` thresholds, of which each accepts a fixed factor fewer events: even steps in log rate. */
export function thresholdsFor(scores: Float32Array, count: number): number[] {
  const sorted = scores.filter((score) => Number.isFinite(score)).sort();
  if (sorted.length === 0) return [];
  const chosen = Array.from({ length: count }, (_, step) => {
    const accepts = sorted.length ** (1 - step / Math.max(1, count - 1));
    return sorted[Math.max(0, sorted.length - Math.round(accepts))] as number;
  });
  return [...new Set(chosen)];
}

/** Position of the first of sorted values that is not below. */
function firstAtLeast(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

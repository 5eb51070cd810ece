/**
 * How many samples a percentile needs. Nothing is assumed of the distribution:
 * the number of samples beyond a quantile is binomial.
 */
import { betaShare } from "./beta.ts";

/**
 * Smallest number of samples of which the largest lies beyond the quantile with
 * the confidence; MLPerf's bound for no sample over the limit (p99: 459).
 */
export function samplesNeeded(share: number, confidence = 0.99): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log(share) - 1e-9);
}

/**
 * Ranks (from 1) of the samples between which the quantile lies with the confidence.
 * @returns undefined where the samples are too few: no rank is high enough
 */
export function rankInterval(
  samples: number,
  share: number,
  confidence = 0.95,
): { readonly low: number; readonly high: number } | undefined {
  const tail = (1 - confidence) / 2;
  // Chance that at least so many samples lie below the quantile.
  const below = (rank: number) => betaShare(share, rank, samples - rank + 1);
  let low = 0;
  let high = samples + 1;
  for (let [from, to] = [1, samples]; from <= to; ) {
    const rank = (from + to) >> 1;
    if (1 - below(rank) <= tail) {
      low = rank;
      from = rank + 1;
    } else to = rank - 1;
  }
  for (let [from, to] = [1, samples]; from <= to; ) {
    const rank = (from + to) >> 1;
    if (below(rank) <= tail) {
      high = rank;
      to = rank - 1;
    } else from = rank + 1;
  }
  return low < 1 || high > samples ? undefined : { low, high };
}

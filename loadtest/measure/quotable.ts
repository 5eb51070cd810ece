/**
 * How many answers a percentile needs before it is worth quoting: so many that ten
 * of them lie beyond it. With fewer, one outlier moves the figure by tens of per cent.
 */
import type { Latencies } from "./latencies.ts";

/** Shares that are reported, each with a tail ten times thinner than the one before. */
export const REPORTED_SHARES = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999] as const;

const ANSWERS_BEYOND = 10;

export function samplesNeeded(share: number): number {
  return Math.round(ANSWERS_BEYOND / (1 - share));
}

export interface Quantile {
  readonly share: number;
  readonly ms: number;
  readonly quotable: boolean;
  readonly needed: number;
}

export function quantilesOf(latencies: Latencies, shares: readonly number[]): Quantile[] {
  return shares.map((share) => {
    const needed = samplesNeeded(share);
    return {
      ...{ share, needed, quotable: latencies.count >= needed },
      ms: latencies.quantileMs(share),
    };
  });
}

/** Figures of a simulation. */
import type { Fate, Simulated } from "./simulate.ts";

/** Ascending position; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** 1: all get the same; 1/n: one gets everything (Jain, Chiu and Hawe, 1984). */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, each) => total + each, 0);
  const squares = shares.reduce((total, each) => total + each * each, 0);
  return (sum * sum) / (shares.length * squares);
}

/** Time from the request to its answer, of those that were answered, ms. */
export function latencies({ fates }: Simulated, tenant: string): number[] {
  return fates
    .filter((fate) => fate.tenant === tenant && fate.end === "answered")
    .map(({ sentAt, endedAt }) => endedAt - sentAt);
}

/** Rows a second that were answered before their deadline, of requests sent in the time between. */
export function goodput({ fates }: Simulated, fromMs: number, toMs: number): number {
  const rows = fates.filter(inTime).reduce((sum, { endedAt, rows }) => {
    return endedAt >= fromMs && endedAt < toMs ? sum + rows : sum;
  }, 0);
  return (rows * 1_000) / (toMs - fromMs);
}

export const inTime = ({ end, endedAt, deadline }: Fate) =>
  end === "answered" && endedAt <= deadline;

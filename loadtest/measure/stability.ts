/** Whether a closed loop has settled, by perf_analyzer's rule. */

export interface Window {
  readonly answeredPerSecond: number;
  /** Mean, or the percentile that was asked for. */
  readonly latencyMs: number;
}

/** Windows that have to agree. */
export const WINDOWS = 3;

/**
 * True where the last three windows agree: of throughput and of latency the largest
 * is at most `limit` (0.1 for 10 %) above the smallest.
 */
export function isStable(windows: readonly Window[], limit: number): boolean {
  const last = windows.slice(-WINDOWS);
  if (last.length < WINDOWS) return false;
  return [
    last.map(({ answeredPerSecond }) => answeredPerSecond),
    last.map(({ latencyMs }) => latencyMs),
  ].every((values) => {
    const least = Math.min(...values);
    return least > 0 && Math.max(...values) <= least * (1 + limit);
  });
}

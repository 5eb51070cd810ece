/**
 * How soon refusals come, beside twins: calls asked for in the same moment that are refused without a look at any queue.
 * What a loaded machine adds, it adds to both; the gateway's own part is by how much more often a refusal is late.
 */

/** As the acceptance has it. */
export const LATE_MS = 5;

export interface Refusal {
  readonly tookMs: number;
  readonly twinMs: number;
}

export interface RefusalFigures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly twinP99Ms: number;
  readonly late: number;
  readonly lateTwins: number;
  /** Later than their twins by more than `LATE_MS`, and the other way round: equal where the gateway adds nothing. */
  readonly later: number;
  readonly earlier: number;
}

export function refusalFigures(refusals: readonly Refusal[]): RefusalFigures {
  const took = refusals.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  const twins = refusals.map(({ twinMs }) => twinMs).toSorted((one, other) => one - other);
  const many = (counts: (refusal: Refusal) => boolean) => refusals.filter(counts).length;
  return {
    count: refusals.length,
    p50Ms: quantile(took, 0.5),
    p99Ms: quantile(took, 0.99),
    twinP99Ms: quantile(twins, 0.99),
    late: many(({ tookMs }) => tookMs > LATE_MS),
    lateTwins: many(({ twinMs }) => twinMs > LATE_MS),
    later: many(({ tookMs, twinMs }) => tookMs > twinMs + LATE_MS),
    earlier: many(({ tookMs, twinMs }) => twinMs > tookMs + LATE_MS),
  };
}

export function refusalText(figures: RefusalFigures): string {
  const { count, p50Ms, p99Ms, twinP99Ms, late, lateTwins, later, earlier } = figures;
  return (
    `${count} refusals at the door: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms (twins' p99 ${twinP99Ms.toFixed(1)} ms); ` +
    `over ${LATE_MS} ms ${late} (twins ${lateTwins}); later than the twin by ${LATE_MS} ms ${later}, earlier ${earlier}`
  );
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

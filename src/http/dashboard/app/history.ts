/** Figures of the last minutes, as the gateway and this page saw them, for charts. */
import type { SnapshotPoint } from "../../../inference/dashboard-report.ts";

const MOST = 1_200;

export interface Point {
  /** s since 1970 */
  readonly at: number;
  readonly requests: number;
  readonly rows: number;
  readonly failures: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export class History {
  #points: Point[] = [];

  /** @param told in the order of time; what is known is not told twice */
  add(...told: readonly SnapshotPoint[]): void {
    const known = new Set(this.#points.map(({ at }) => at));
    const fresh = told.flatMap(pointOf).filter(({ at }) => !known.has(at));
    if (fresh.length === 0) return;
    const isNewer = (fresh[0]?.at ?? 0) > (this.#points.at(-1)?.at ?? 0);
    this.#points.push(...fresh);
    if (!isNewer) this.#points.sort((one, other) => one.at - other.at);
    this.#points.splice(0, this.#points.length - MOST);
  }

  /** Oldest first. @param at ISO 8601; absent: all */
  until(at?: string): readonly Point[] {
    if (at === undefined) return this.#points;
    const end = Date.parse(at) / 1000;
    return this.#points.filter((point) => point.at <= end);
  }
}

/** The first snapshot of a gateway has no rates. */
function pointOf({ at, total, seconds }: SnapshotPoint): Point[] {
  if (seconds === undefined) return [];
  const { requestsPerSecond, rowsPerSecond, failuresPerSecond, p50Ms, p99Ms } = total;
  return [
    {
      at: Date.parse(at) / 1000,
      ...{ requests: requestsPerSecond, rows: rowsPerSecond, failures: failuresPerSecond },
      ...{ p50Ms, p99Ms },
    },
  ];
}

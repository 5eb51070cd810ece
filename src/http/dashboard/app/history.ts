/** Figures of the last minutes, as this page saw them, for charts. */
import type { Snapshot } from "../../../inference/dashboard-report.ts";

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
  readonly points: Point[] = [];

  add({ at, total, seconds }: Snapshot): void {
    if (seconds === undefined) return;
    const seen = Date.parse(at) / 1000;
    if (seen <= (this.points.at(-1)?.at ?? 0)) return;
    this.points.push({
      at: seen,
      requests: total.requestsPerSecond,
      rows: total.rowsPerSecond,
      failures: total.failuresPerSecond,
      p50Ms: total.p50Ms,
      p99Ms: total.p99Ms,
    });
    if (this.points.length > MOST) this.points.shift();
  }
}

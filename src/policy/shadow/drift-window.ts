/** The newest rows, in buckets: the oldest goes when a new one is begun. */
import type { ShadowCounts } from "./drift.ts";

const BUCKETS = 10;

type Bucket = { -readonly [Key in keyof ShadowCounts]: ShadowCounts[Key] };

const empty = (): Bucket => ({ rows: 0, failing: 0, accepted: 0, liveAccepted: 0 });

export class DriftWindow {
  readonly #bucketRows: number;
  readonly #buckets: Bucket[] = [empty()];

  /** @param rows that it is about; at most a tenth of them less is in it once it is full */
  constructor(rows: number) {
    this.#bucketRows = Math.max(1, Math.ceil(rows / BUCKETS));
  }

  add(counts: ShadowCounts): void {
    let newest = this.#buckets.at(-1);
    if (newest === undefined || newest.rows >= this.#bucketRows) {
      newest = empty();
      this.#buckets.push(newest);
      if (this.#buckets.length > BUCKETS) this.#buckets.shift();
    }
    addTo(newest, counts);
  }

  get counts(): ShadowCounts {
    const sum = empty();
    for (const bucket of this.#buckets) addTo(sum, bucket);
    return sum;
  }
}

function addTo(sum: Bucket, { rows, failing, accepted, liveAccepted }: ShadowCounts): void {
  sum.rows += rows;
  sum.failing += failing;
  sum.accepted += accepted;
  sum.liveAccepted += liveAccepted;
}

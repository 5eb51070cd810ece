/**
 * A sum over the newest 24 hours, in buckets of a quarter of an hour: it forgets a
 * bucket as a whole, so that it is of 23 h 45 min to 24 h.
 *
 *     │ oldest │ …  95 whole buckets  … │ newest, being filled │
 */
const BUCKET_MS = 15 * 60_000;
const BUCKETS = 96;

export class RollingDay {
  readonly #buckets = new Float64Array(BUCKETS);
  /** Number of the newest bucket, counted from time 0. */
  #newest = 0;
  #sum = 0;

  /** @param now monotonic ms, of the time the amount belongs to; older than a day: nothing is added */
  add(amount: number, now: number): void {
    const bucket = Math.floor(now / BUCKET_MS);
    this.#advance(bucket);
    if (bucket <= this.#newest - BUCKETS) return;
    this.#buckets[slotOf(bucket)] = (this.#buckets[slotOf(bucket)] ?? 0) + amount;
    this.#sum += amount;
  }

  sum(now: number): number {
    this.#advance(Math.floor(now / BUCKET_MS));
    return this.#sum;
  }

  /** ms until so much was forgotten that the sum is below `limit`; 0: it is. */
  waitMs(limit: number, now: number): number {
    let left = this.sum(now);
    for (let age = BUCKETS - 1; left >= limit && age >= 0; age -= 1) {
      const bucket = this.#newest - age;
      left -= this.#buckets[slotOf(bucket)] ?? 0;
      if (left < limit) return Math.ceil((bucket + BUCKETS) * BUCKET_MS - now);
    }
    return 0;
  }

  #advance(bucket: number): void {
    if (bucket <= this.#newest) return;
    const passed = Math.min(BUCKETS, bucket - this.#newest);
    for (let i = 0; i < passed; i += 1) this.#buckets[slotOf(bucket - i)] = 0;
    this.#newest = bucket;
    // Added up anew, so that rounding errors do not pile up.
    this.#sum = this.#buckets.reduce((sum, amount) => sum + amount, 0);
  }
}

/** Times before 0 belong to buckets, too. */
const slotOf = (bucket: number) => ((bucket % BUCKETS) + BUCKETS) % BUCKETS;

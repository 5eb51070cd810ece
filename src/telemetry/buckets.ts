/** Counts by upper bound, for a histogram that is read much less often than it is written. */
export class Buckets {
  readonly bounds: readonly number[];
  /** One more than bounds: the last holds what is above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** @param bounds ascending upper bounds, each inclusive. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how often. @returns the index of the bucket */
  observe(value: number, times = 1): number {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.bounds[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] ?? 0) + times;
    this.#sum += value * times;
    this.#count += times;
    return low;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Of all. */
  get count(): number {
    return this.#count;
  }

  /** How many are in the bucket with this index, not counting those below it. */
  at(index: number): number {
    return this.#counts[index] ?? 0;
  }

  /** How many were at or below each bound; the last entry is the count of all. */
  cumulative(): number[] {
    let seen = 0;
    return [...this.#counts].map((count) => {
      seen += count;
      return seen;
    });
  }
}

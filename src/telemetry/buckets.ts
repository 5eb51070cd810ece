/** Counts by upper bound, for a histogram that is read much less often than it is written. */
export class Buckets {
  readonly bounds: readonly number[];
  /** One more than bounds: the last holds what is above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;
  /** The bucket of the value before: under a steady load mostly that of the next one. */
  #index = 0;
  /** Of that bucket: what it is above of, and its bound. */
  #above = Number.NEGATIVE_INFINITY;
  #upTo: number;

  /** @param bounds ascending upper bounds, each inclusive. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
    this.#upTo = bounds[0] ?? Number.POSITIVE_INFINITY;
  }

  /** @param times how often. @returns the index of the bucket */
  observe(value: number, times = 1): number {
    if (!(value > this.#above && value <= this.#upTo)) this.#find(value);
    const index = this.#index;
    this.#counts[index] = (this.#counts[index] ?? 0) + times;
    this.#sum += value * times;
    this.#count += times;
    return index;
  }

  #find(value: number): void {
    const { bounds } = this;
    const found = bounds.findIndex((bound) => value <= bound);
    this.#index = found < 0 ? bounds.length : found;
    this.#above = bounds[this.#index - 1] ?? Number.NEGATIVE_INFINITY;
    this.#upTo = bounds[this.#index] ?? Number.POSITIVE_INFINITY;
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

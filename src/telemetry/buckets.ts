/** Counts by upper bound, for a histogram that is read much less often than it is written. */
export class Buckets {
  readonly bounds: readonly number[];
  /** What each bucket is above of, and, as the one that follows, its bound. */
  readonly #edges: Float64Array;
  /** One more than bounds: the last holds what is above all of them. Behind them the sum of the values. */
  readonly #counts: Float64Array;
  /** The bucket of the value before: under a steady load that of the next one is near. */
  #index = 0;

  /** @param bounds ascending upper bounds, each inclusive. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#edges = Float64Array.of(Number.NEGATIVE_INFINITY, ...bounds, Number.POSITIVE_INFINITY);
    this.#counts = new Float64Array(bounds.length + 2);
  }

  /** @param times how often. @returns the index of the bucket */
  observe(value: number, times = 1): number {
    const edges = this.#edges;
    let index = this.#index;
    while (value > (edges[index + 1] as number)) index += 1;
    while (index > 0 && value <= (edges[index] as number)) index -= 1;
    this.#index = index;
    const counts = this.#counts;
    const sum = counts.length - 1;
    counts[index] = (counts[index] as number) + times;
    counts[sum] = (counts[sum] as number) + value * times;
    return index;
  }

  get sum(): number {
    return this.#counts[this.bounds.length + 1] ?? 0;
  }

  /** Of all. */
  get count(): number {
    let all = 0;
    for (let index = 0; index <= this.bounds.length; index += 1) all += this.at(index);
    return all;
  }

  /** How many are in the bucket with this index, not counting those below it. */
  at(index: number): number {
    return this.#counts[index] ?? 0;
  }

  /** How many were at or below each bound; the last entry is the count of all. */
  cumulative(): number[] {
    let seen = 0;
    return [...this.#counts.subarray(0, this.bounds.length + 1)].map((count) => {
      seen += count;
      return seen;
    });
  }
}

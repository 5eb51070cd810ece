/** Counts by upper bound, for a histogram that is read much less often than it is written. */
export class Buckets {
  readonly bounds: readonly number[];
  readonly #steps: Steps;
  /** One more than bounds: the last holds what is above all of them. Behind them the sum of the values. */
  readonly #counts: Float64Array;

  /** @param bounds ascending upper bounds, each inclusive. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#steps = stepsOf(bounds);
    this.#counts = new Float64Array(bounds.length + 2);
  }

  observe(value: number): void {
    const index = this.indexOf(value);
    const counts = this.#counts;
    const sum = counts.length - 1;
    counts[index] = (counts[index] as number) + 1;
    counts[sum] = (counts[sum] as number) + value;
  }

  /**
   * The first `count` values, each so many times as `times` says. Finds their buckets as `indexOf` does, without calling
   * it: no number leaves this loop but into an array, so none is put into memory of its own.
   */
  observeAll(values: Float64Array, times: Float64Array, count: number): void {
    const { perUnit, limit, buckets } = this.#steps;
    const counts = this.#counts;
    let sum = 0;
    for (let at = 0; at < count; at += 1) {
      const value = values[at] as number;
      const many = times[at] as number;
      const index =
        value >= 0 && value <= limit
          ? (buckets[Math.ceil(value * perUnit) | 0] as number)
          : this.#search(value);
      counts[index] = (counts[index] as number) + many;
      sum += value * many;
    }
    counts[counts.length - 1] = (counts[counts.length - 1] as number) + sum;
  }

  /** Of the bucket that a value belongs to. */
  indexOf(value: number): number {
    const { perUnit, limit, buckets } = this.#steps;
    if (value >= 0 && value <= limit) return buckets[Math.ceil(value * perUnit) | 0] as number;
    return this.#search(value);
  }

  #search(value: number): number {
    const found = this.bounds.findIndex((bound) => value <= bound);
    return found < 0 ? this.bounds.length : found;
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

/**
 * The bucket of a value by how many times the lowest bound it is, rounded up: looked up, not searched. Times of
 * requests jump between buckets, and a processor that guesses wrong at a comparison loses more than the rest takes.
 */
interface Steps {
  readonly perUnit: number;
  /** What is above is searched; below 0: everything is. */
  readonly limit: number;
  readonly buckets: Uint16Array;
}

const MOST_STEPS = 400;
const known = new WeakMap<readonly number[], Steps>();

/** The same ones for the same bounds. */
function stepsOf(bounds: readonly number[]): Steps {
  let steps = known.get(bounds);
  if (steps === undefined) {
    steps = makeSteps(bounds);
    known.set(bounds, steps);
  }
  return steps;
}

function makeSteps(bounds: readonly number[]): Steps {
  const [unit = 0] = bounds;
  const perUnit = 1 / unit;
  const multiples = bounds.map((bound) => bound * perUnit);
  if (!(unit > 0 && multiples.every(Number.isInteger))) {
    return { perUnit, limit: -1, buckets: new Uint16Array() };
  }
  const most = Math.min(MOST_STEPS, multiples.at(-1) ?? 0);
  const buckets = Uint16Array.from({ length: most + 1 }, (_, step) =>
    multiples.findIndex((multiple) => step <= multiple),
  );
  // One less: a product that is a little too large is rounded up to the last step.
  return { perUnit, limit: (most - 1) * unit, buckets };
}

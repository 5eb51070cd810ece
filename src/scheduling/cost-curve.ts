/**
 * What a batch costs, learnt from the batches that ran: t(rows) of one variant.
 *
 * Small networks gain two orders of magnitude from batching, ParticleNet gains
 * nothing, graph nets lose (physics.md §1.1-1.2), so the batcher must not grow a
 * batch because it can. Rows are sorted into buckets of powers of two:
 *
 *   bucket   0    1     2      3       4 ...
 *   rows     1   2-3   4-7   8-15   16-31
 *
 * Each keeps the cost per row of its last executions; the median stands for it,
 * since single times on a shared machine are noise. Growing pays while a bucket
 * is at least `GAIN` cheaper per row than the one before. A bucket that nobody
 * tried yet may be tried; one found not to pay is tried again now and then.
 */

const SAMPLES = 9;
/** Fewer executions than this say nothing yet. */
const ENOUGH = 3;
/** Doubling a batch must save this share of the cost per row. */
const GAIN = 0.07;
/** What gateway and worker spend on one execution besides the device, whatever its size, µs: frames, wake-ups. */
const OVERHEAD_US = 150;
/** Every so many asked-for limits, one bucket more than what pays is allowed. */
const RETRY_EVERY = 256;

interface Bucket {
  /** Ring of the last costs per row, µs. */
  readonly costs: number[];
  next: number;
  median: number;
}

export class CostCurve {
  readonly #buckets: (Bucket | undefined)[] = [];
  #limit = Number.POSITIVE_INFINITY;
  #asked = 0;

  /** One execution of `rows` rows took `us` µs on the device. */
  observe(rows: number, us: number): void {
    const index = bucketOf(rows);
    const bucket = this.#buckets[index] ?? { costs: [], next: 0, median: 0 };
    this.#buckets[index] = bucket;
    bucket.costs[bucket.next] = (us + OVERHEAD_US) / rows;
    bucket.next = (bucket.next + 1) % SAMPLES;
    const sorted = bucket.costs.toSorted((a, b) => a - b);
    bucket.median = sorted[sorted.length >> 1] ?? 0;
    this.#limit = this.#findLimit();
  }

  /** Rows beyond which a larger batch costs as much per row; Infinity while unknown. */
  worthRows(): number {
    this.#asked += 1;
    if (this.#asked % RETRY_EVERY === 0) return this.#limit * 2 + 1;
    return this.#limit;
  }

  /** Most rows in a batch that pays. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * The straight line through the smallest and the largest batches seen: µs for an execution whatever
   * its size, and µs for a row more. Zeros while nothing was seen.
   */
  line(): { readonly fixedUs: number; readonly usPerRow: number } {
    let small: number | undefined;
    let large = 0;
    for (let index = 0; index < this.#buckets.length; index += 1) {
      if (this.#buckets[index] === undefined) continue;
      small ??= index;
      large = index;
    }
    if (small === undefined) return { fixedUs: 0, usPerRow: 0 };
    const [fewRows, manyRows] = [2 ** small, 2 ** large];
    const [fewUs, manyUs] = [this.#usOf(small), this.#usOf(large)];
    if (large === small) return { fixedUs: 0, usPerRow: manyUs / manyRows };
    const usPerRow = Math.max(0, (manyUs - fewUs) / (manyRows - fewRows));
    return { fixedUs: Math.max(0, fewUs - usPerRow * fewRows), usPerRow };
  }

  /** Time of one execution of the least rows of a bucket. */
  #usOf(index: number): number {
    return (this.#buckets[index]?.median ?? 0) * 2 ** index;
  }

  /** Expected time of one execution on the device, µs; undefined for sizes never seen. */
  expectedUs(rows: number): number | undefined {
    const bucket = this.#buckets[bucketOf(rows)];
    return bucket && Math.max(0, bucket.median * rows - OVERHEAD_US);
  }

  /** Expected time of one execution on the device, µs: also of sizes never seen; 0 while nothing was. */
  predictUs(rows: number): number {
    const seen = this.expectedUs(rows);
    if (seen !== undefined) return seen;
    const { fixedUs, usPerRow } = this.line();
    return Math.max(0, fixedUs + usPerRow * rows - OVERHEAD_US);
  }

  #findLimit(): number {
    let known: { index: number; cost: number } | undefined;
    for (let index = 0; index < this.#buckets.length; index += 1) {
      const bucket = this.#buckets[index];
      if (!bucket || bucket.costs.length < ENOUGH) continue;
      if (known) {
        const doublings = index - known.index;
        if (bucket.median > known.cost * (1 - GAIN) ** doublings) return lastRowOf(known.index);
      }
      known = { index, cost: bucket.median };
    }
    return Number.POSITIVE_INFINITY;
  }
}

function bucketOf(rows: number): number {
  return Math.floor(Math.log2(Math.max(1, rows)));
}

function lastRowOf(index: number): number {
  return 2 ** (index + 1) - 1;
}

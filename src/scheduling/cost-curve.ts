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
 * Each keeps its last executions; the one with the median cost per row stands for
 * it, since single times on a shared machine are noise. Growing pays while a bucket
 * is cheaper per row than the one before, by `GAIN` for twice the rows. A bucket that nobody
 * tried yet may be tried; one found not to pay is tried again now and then.
 */

const SAMPLES = 9;
/** Fewer executions than this say nothing yet. */
const ENOUGH = 3;
/** Doubling a batch must save this share of the cost per row. */
const GAIN = 0.07;
/** What gateway and worker spend on one execution besides the device, whatever its size, µs: frames, wake-ups. */
const OVERHEAD_US = 150;
/** Buckets whose sizes are nearer to each other tell noise, doublings. */
const APART = 0.5;
/** Every so many asked-for limits, one bucket more than what pays is allowed. */
const RETRY_EVERY = 256;

interface Execution {
  readonly rows: number;
  /** Time on the device, and `OVERHEAD_US`. */
  readonly us: number;
}

interface Bucket {
  /** Ring of the last ones. */
  readonly executions: Execution[];
  next: number;
  /** That of the median cost per row. */
  typical: Execution;
}

export class CostCurve {
  readonly #buckets: (Bucket | undefined)[] = [];
  #limit = Number.POSITIVE_INFINITY;
  #asked = 0;

  /** One execution of `rows` rows took `us` µs on the device. */
  observe(rows: number, us: number): void {
    const index = bucketOf(rows);
    const execution = { rows, us: us + OVERHEAD_US };
    const bucket = this.#buckets[index] ?? { executions: [], next: 0, typical: execution };
    this.#buckets[index] = bucket;
    bucket.executions[bucket.next] = execution;
    bucket.next = (bucket.next + 1) % SAMPLES;
    const sorted = bucket.executions.toSorted((a, b) => perRow(a) - perRow(b));
    bucket.typical = sorted[sorted.length >> 1] ?? execution;
    this.#limit = this.#findLimit();
  }

  /** Rows beyond which a larger batch costs as much per row; Infinity while unknown. */
  worthRows(): number {
    this.#asked += 1;
    if (this.#asked % RETRY_EVERY === 0) return this.#limit * 2 + 1;
    return this.#limit;
  }

  /** As `worthRows`, without trying more. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * The straight line through the smallest and the largest batches seen: µs for an execution whatever
   * its size, and µs for a row more. Zeros while nothing was seen.
   */
  line(): { readonly fixedUs: number; readonly usPerRow: number } {
    let small: Execution | undefined;
    let large: Execution | undefined;
    for (const bucket of this.#buckets) {
      small ??= bucket?.typical;
      large = bucket?.typical ?? large;
    }
    if (small === undefined || large === undefined) return { fixedUs: 0, usPerRow: 0 };
    if (large.rows === small.rows) return { fixedUs: 0, usPerRow: perRow(large) };
    const usPerRow = Math.max(0, slope(small, large));
    return { fixedUs: Math.max(0, small.us - usPerRow * small.rows), usPerRow };
  }

  /** Expected time of one execution on the device, µs; undefined for sizes never seen. */
  expectedUs(rows: number): number | undefined {
    return this.#buckets[bucketOf(rows)] && this.predictUs(rows);
  }

  /**
   * Expected time of one execution on the device, µs, also of sizes never seen: between the nearest that were, in
   * a straight line. 0 while nothing was seen.
   */
  predictUs(rows: number): number {
    let below: Execution | undefined;
    let above: Execution | undefined;
    let beforeThem: Execution | undefined;
    for (const bucket of this.#buckets) {
      if (bucket === undefined) continue;
      const { typical } = bucket;
      if (typical.rows > rows) {
        above = typical;
        break;
      }
      [beforeThem, below] = [below, typical];
    }
    const [from, to] = above === undefined ? [beforeThem, below] : [below, above];
    return Math.max(0, between(from, to, rows) - OVERHEAD_US);
  }

  #findLimit(): number {
    let known: Execution | undefined;
    for (const bucket of this.#buckets) {
      if (bucket === undefined || bucket.executions.length < ENOUGH) continue;
      const { typical } = bucket;
      if (known !== undefined) {
        const doublings = Math.log2(typical.rows / known.rows);
        if (doublings < APART) continue;
        if (perRow(typical) > perRow(known) * (1 - GAIN) ** doublings) {
          return lastRowOf(bucketOf(known.rows));
        }
      }
      known = typical;
    }
    return Number.POSITIVE_INFINITY;
  }
}

const perRow = ({ rows, us }: Execution) => us / rows;

const slope = (a: Execution, b: Execution) => (b.us - a.us) / (b.rows - a.rows);

/** On the line through both; where one is all that is known, as much a row, or for fewer rows as much in all. */
function between(a: Execution | undefined, b: Execution | undefined, rows: number): number {
  if (b === undefined) return 0;
  if (a === undefined) return rows < b.rows ? b.us : perRow(b) * rows;
  return Math.max(0, b.us + slope(a, b) * (rows - b.rows));
}

function bucketOf(rows: number): number {
  return Math.floor(Math.log2(Math.max(1, rows)));
}

function lastRowOf(index: number): number {
  return 2 ** (index + 1) - 1;
}

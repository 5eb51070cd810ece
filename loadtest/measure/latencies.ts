/**
 * Latencies as an HdrHistogram: three significant digits from 0.1 µs to 200 s in
 * constant memory, merged over processes without loss, written in the formats
 * that other tools of that family read.
 */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from "hdr-histogram-js";

const UNITS_PER_MS = 10_000;
const HIGHEST_UNITS = 2e9;
const DIGITS = 3;
/** Reporting points between two halvings of the distance to 100 %, as HdrHistogram's own tools write. */
const TICKS_PER_HALF = 5;

export class Latencies {
  readonly #histogram: Histogram;

  constructor(histogram: Histogram = empty()) {
    this.#histogram = histogram;
  }

  static decode(encoded: string): Latencies {
    return new Latencies(decodeFromCompressedBase64(encoded, 32, false));
  }

  /** HdrHistogram's V2 compressed form in base64, as its logs hold it. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  record(ms: number): void {
    const units = Math.round(ms * UNITS_PER_MS);
    this.#histogram.recordValue(units < 0 ? 0 : units > HIGHEST_UNITS ? HIGHEST_UNITS : units);
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The latency that `share` (0..1) of the records do not exceed, ms; 0 without records. */
  quantileMs(share: number): number {
    if (this.count === 0) return 0;
    return this.#histogram.getValueAtPercentile(share * 100) / UNITS_PER_MS;
  }

  /** Share of the records that are no longer than `ms`, as finely as the histogram tells. */
  shareWithin(ms: number): number {
    if (this.count === 0) return 0;
    // Bisected: the library tells values of shares, not shares of values.
    let low = 0;
    let high = 1;
    if (this.maxMs <= ms) return 1;
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      if (this.quantileMs(middle) <= ms) low = middle;
      else high = middle;
    }
    return Math.floor(low * this.count + 1e-6) / this.count;
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.#histogram.mean / UNITS_PER_MS;
  }

  get deviationMs(): number {
    return this.count === 0 ? 0 : this.#histogram.stdDeviation / UNITS_PER_MS;
  }

  get maxMs(): number {
    return this.count === 0 ? 0 : this.#histogram.maxValue / UNITS_PER_MS;
  }

  reset(): void {
    this.#histogram.reset();
  }

  /** `.hgrm`: the percentile distribution, in ms. */
  percentileDistribution(): string {
    return this.#histogram.outputPercentileDistribution(TICKS_PER_HALF, UNITS_PER_MS);
  }
}

function empty(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_UNITS,
    numberOfSignificantValueDigits: DIGITS,
    useWebAssembly: false,
  });
}

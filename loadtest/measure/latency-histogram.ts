/** Latencies in logarithmic buckets: constant memory, 1.1 % resolution, mergeable. */

const BUCKETS_PER_OCTAVE = 64;
/** From 1 µs to 2^27 µs (134 s); what lies outside counts in the outermost bucket. */
const OCTAVES = 27;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS_PER_OCTAVE * OCTAVES);
  #total = 0;
  #largestMs = 0;

  record(ms: number): void {
    const bucket = Math.floor(Math.log2(ms * 1000) * BUCKETS_PER_OCTAVE);
    const at = Math.max(0, Math.min(bucket, this.#counts.length - 1));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total += 1;
    if (ms > this.#largestMs) this.#largestMs = ms;
  }

  get total(): number {
    return this.#total;
  }

  get largestMs(): number {
    return this.#largestMs;
  }

  /** The latency that `share` (0..1) of the records do not exceed, ms; 0 without records. */
  quantileMs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let at = 0; at < this.#counts.length; at++) {
      seen += this.#counts[at] ?? 0;
      if (seen >= wanted) {
        const middleUs = 2 ** ((at + 0.5) / BUCKETS_PER_OCTAVE);
        return Math.min(middleUs / 1000, this.#largestMs);
      }
    }
    return this.#largestMs;
  }
}

/**
 * What became of each request, for everything that needs them one by one: the
 * trigger over the answers, latency by bunch crossing, agreement. Grows as it is
 * written; ends when it is full and says so.
 */

export const Outcome = { unanswered: 0, good: 1, failed: 2, dropped: 3 } as const;

/** Plain data; all arrays have one entry a request, in no particular order. */
export interface EventColumns {
  /** Which request of the plan. */
  readonly number: Float64Array;
  /** From the intended time, ms; of the unanswered their age at the end. */
  readonly latencyMs: Float32Array;
  /** See `Outcome`. */
  readonly outcome: Uint8Array;
  /** Where the request's scores begin in `scores`; one a row, none of those that failed. */
  readonly scoreAt: Float64Array;
  readonly scoreCount: Uint32Array;
  readonly scores: Float32Array;
  /** Requests that found no room here. */
  readonly left: number;
}

export class EventLog {
  readonly #most: number;
  #count = 0;
  #left = 0;
  #number = new Float64Array(4096);
  #latencyMs = new Float32Array(4096);
  #outcome = new Uint8Array(4096);
  #scoreAt = new Float64Array(4096);
  #scoreCount = new Uint32Array(4096);
  #scores = new Float32Array(4096);
  #scoreEnd = 0;

  /** @param most requests that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  add(number: number, latencyMs: number, outcome: number, scores: Float32Array | undefined): void {
    if (this.#count >= this.#most) {
      this.#left += 1;
      return;
    }
    const at = this.#count++;
    if (at === this.#number.length) this.#grow(2 * at);
    this.#number[at] = number;
    this.#latencyMs[at] = latencyMs;
    this.#outcome[at] = outcome;
    this.#scoreAt[at] = this.#scoreEnd;
    if (scores === undefined) return;
    this.#scoreCount[at] = scores.length;
    const end = this.#scoreEnd + scores.length;
    if (end > this.#scores.length) {
      const larger = new Float32Array(Math.max(2 * this.#scores.length, end));
      larger.set(this.#scores.subarray(0, this.#scoreEnd));
      this.#scores = larger;
    }
    this.#scores.set(scores, this.#scoreEnd);
    this.#scoreEnd = end;
  }

  columns(): EventColumns {
    return {
      number: this.#number.slice(0, this.#count),
      latencyMs: this.#latencyMs.slice(0, this.#count),
      outcome: this.#outcome.slice(0, this.#count),
      scoreAt: this.#scoreAt.slice(0, this.#count),
      scoreCount: this.#scoreCount.slice(0, this.#count),
      scores: this.#scores.slice(0, this.#scoreEnd),
      left: this.#left,
    };
  }

  #grow(size: number): void {
    const wider = <A extends { set(values: A): void }>(larger: A, values: A): A => {
      larger.set(values);
      return larger;
    };
    this.#number = wider(new Float64Array(size), this.#number);
    this.#latencyMs = wider(new Float32Array(size), this.#latencyMs);
    this.#outcome = wider(new Uint8Array(size), this.#outcome);
    this.#scoreAt = wider(new Float64Array(size), this.#scoreAt);
    this.#scoreCount = wider(new Uint32Array(size), this.#scoreCount);
  }
}

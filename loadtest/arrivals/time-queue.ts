/** Times of which the earliest is wanted: a binary heap of a fixed room. */

export class TimeQueue {
  readonly #times: Float64Array;
  #count = 0;

  /** @param most times that fit */
  constructor(most: number) {
    this.#times = new Float64Array(most);
  }

  get full(): boolean {
    return this.#count === this.#times.length;
  }

  /** Infinity: there is none. */
  get first(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** Only while not `full`. */
  push(time: number): void {
    const times = this.#times;
    let at = this.#count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = times[parent] as number;
      if (above <= time) break;
      times[at] = above;
      at = parent;
    }
    times[at] = time;
  }

  /** Takes `first` out. */
  removeFirst(): void {
    if (this.#count === 0) return;
    const times = this.#times;
    const last = times[--this.#count] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#count) break;
      const right = child + 1;
      if (right < this.#count && (times[right] as number) < (times[child] as number)) child = right;
      if ((times[child] as number) >= last) break;
      times[at] = times[child] as number;
      at = child;
    }
    times[at] = last;
  }
}

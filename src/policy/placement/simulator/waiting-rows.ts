/** Rows of one variant that wait, oldest first; what became of those that do not wait any more. */
export class WaitingRows {
  readonly #patienceSlots: number;
  readonly #arrived: { slot: number; rows: number }[] = [];
  #head = 0;
  #rows = 0;
  #finished = 0;
  #lost = 0;
  #longestWaitSlots = 0;

  /** @param patienceSlots slots, that of the arrival included, after which a row is lost */
  constructor(patienceSlots: number) {
    this.#patienceSlots = patienceSlots;
  }

  get rows(): number {
    return this.#rows;
  }
  get finished(): number {
    return this.#finished;
  }
  get lost(): number {
    return this.#lost;
  }
  /** Longest wait so far of a row that was served or lost. */
  get longestWaitSlots(): number {
    return this.#longestWaitSlots;
  }

  /** Slot in which the oldest waiting row arrived; undefined: none waits. */
  get oldest(): number | undefined {
    return this.#arrived[this.#head]?.slot;
  }

  add(rows: number, slot: number): void {
    if (rows === 0) return;
    this.#arrived.push({ slot, rows });
    this.#rows += rows;
  }

  /** @returns how many of `most` rows there were */
  serve(most: number, slot: number): number {
    const served = this.#take(Math.min(most, this.#rows), slot);
    this.#finished += served;
    return served;
  }

  /** At the end of a slot: rows that would be too old in the next one are lost. */
  expire(slot: number): void {
    let oldest = this.oldest;
    while (oldest !== undefined && slot + 1 - oldest >= this.#patienceSlots) {
      this.#lost += this.#take(this.#arrived[this.#head]?.rows ?? 0, slot);
      oldest = this.oldest;
    }
  }

  #take(rows: number, slot: number): number {
    let left = rows;
    while (left > 0) {
      const first = this.#arrived[this.#head];
      if (first === undefined) break;
      const taken = Math.min(left, first.rows);
      first.rows -= taken;
      left -= taken;
      this.#rows -= taken;
      this.#longestWaitSlots = Math.max(this.#longestWaitSlots, slot - first.slot);
      if (first.rows === 0) this.#head += 1;
    }
    return rows - left;
  }
}

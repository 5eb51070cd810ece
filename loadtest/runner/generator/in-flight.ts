/** Requests without an answer: when each was meant to go, and when it went. Slots are used again. */

const FIRST_SLOTS = 1024;

export class InFlight {
  /** ms on the generator's clock, by slot. */
  intended = new Float64Array(FIRST_SLOTS);
  sent = new Float64Array(FIRST_SLOTS);
  /** Which request of the plan it is, by slot; -1 where the slot is free. */
  number = new Float64Array(FIRST_SLOTS).fill(-1);
  #free = new Uint32Array(FIRST_SLOTS).map((_, slot) => FIRST_SLOTS - 1 - slot);
  #freeCount = FIRST_SLOTS;

  get count(): number {
    return this.intended.length - this.#freeCount;
  }

  take(number: number, intended: number, sent: number): number {
    if (this.#freeCount === 0) this.#grow();
    const slot = this.#free[--this.#freeCount] ?? 0;
    this.number[slot] = number;
    this.intended[slot] = intended;
    this.sent[slot] = sent;
    return slot;
  }

  release(slot: number): void {
    this.number[slot] = -1;
    this.#free[this.#freeCount++] = slot;
  }

  /** Visits every request that waits. */
  each(visit: (number: number, intended: number, sent: number) => void): void {
    for (let slot = 0; slot < this.number.length; slot++) {
      const number = this.number[slot] ?? -1;
      if (number >= 0) visit(number, this.intended[slot] ?? 0, this.sent[slot] ?? 0);
    }
  }

  #grow(): void {
    const before = this.intended.length;
    const size = 2 * before;
    this.intended = enlarged(this.intended, size);
    this.sent = enlarged(this.sent, size);
    const number = new Float64Array(size).fill(-1);
    number.set(this.number);
    this.number = number;
    this.#free = new Uint32Array(size);
    for (let slot = before; slot < size; slot++) this.#free[this.#freeCount++] = slot;
  }
}

function enlarged(values: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(values);
  return larger;
}

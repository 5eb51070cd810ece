/** The places that one instance has for sequences: rows of a batch (direct), or candidates (oldest). */

export class Slots<S> {
  readonly #slots: (S | undefined)[];
  #taken = 0;

  constructor(count: number) {
    this.#slots = new Array<S | undefined>(count).fill(undefined);
  }

  get count(): number {
    return this.#slots.length;
  }

  get taken(): number {
    return this.#taken;
  }

  get full(): boolean {
    return this.#taken === this.#slots.length;
  }

  /** Slots up to and with the last one that is taken: as many rows a direct batch has. */
  get span(): number {
    return this.#slots.findLastIndex((sequence) => sequence !== undefined) + 1;
  }

  /** Gives away the lowest free slot, so that batches stay short. @throws RangeError when full. */
  take(sequence: S): number {
    const slot = this.#slots.indexOf(undefined);
    if (slot < 0) throw new RangeError("no slot is free");
    this.#slots[slot] = sequence;
    this.#taken += 1;
    return slot;
  }

  free(slot: number): void {
    if (this.#slots[slot] === undefined) return;
    this.#slots[slot] = undefined;
    this.#taken -= 1;
  }

  /** Those that have a slot, in the order of the slots. */
  *[Symbol.iterator](): Generator<S, void> {
    for (const sequence of this.#slots) if (sequence !== undefined) yield sequence;
  }
}

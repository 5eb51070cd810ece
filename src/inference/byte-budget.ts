/**
 * Bytes that messages (of gRPC, and bodies of HTTP) may occupy, for the whole process. A message
 * reserves its length as soon as that is told, and waits (it is not read, so its client is held
 * back) when there is no room. First come, first served,
 * except that a part is kept for small messages: they never wait behind big ones.
 */

/** Messages up to this length are small. */
export const SMALL_MESSAGE_BYTES = 64 * 1024;

export interface BudgetWaiter {
  readonly neededBytes: number;
  /** The bytes are yours now. */
  granted(): void;
}

export class ByteBudget {
  readonly totalBytes: number;
  /** Longest message that can ever be granted. */
  readonly largestBytes: number;
  #usedBytes = 0;
  #answerBytes = 0;
  // Sets keep the order of arrival and forget in O(1).
  readonly #small = new Set<BudgetWaiter>();
  readonly #big = new Set<BudgetWaiter>();
  #granting = false;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    const reserveBytes = Math.min(4 * 1024 * 1024, Math.floor(totalBytes / 8));
    this.largestBytes = totalBytes - reserveBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get waiting(): number {
    return this.#small.size + this.#big.size;
  }

  /** True while somebody waits, or more than half is spent. */
  get scarce(): boolean {
    return this.waiting > 0 || this.#usedBytes * 2 > this.totalBytes;
  }

  /** @returns true when granted; false, and nothing more, when it would have to wait. */
  acquireNow(bytes: number): boolean {
    const small = bytes <= SMALL_MESSAGE_BYTES;
    if ((small ? this.#small : this.#big).size > 0 || !this.#fits(bytes, small)) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** @returns true when granted now; false when `waiter.granted` will be called, unless cancelled before. */
  acquire(waiter: BudgetWaiter): boolean {
    const bytes = waiter.neededBytes;
    if (this.acquireNow(bytes)) return true;
    (bytes <= SMALL_MESSAGE_BYTES ? this.#small : this.#big).add(waiter);
    return false;
  }

  /** Leaves the line; nothing happens for one who is not in it. */
  cancel(waiter: BudgetWaiter): void {
    if (this.#small.delete(waiter) || this.#big.delete(waiter)) this.#grant();
  }

  /**
   * For bytes nobody could foresee (what a message inflates to): now or not at all.
   * @param heldBytes what the same message holds already: a big one in small steps is big
   */
  tryAcquire(bytes: number, heldBytes = 0): boolean {
    if (!this.#fits(bytes, heldBytes + bytes <= SMALL_MESSAGE_BYTES)) return false;
    this.#usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#small.size > 0 || this.#big.size > 0) this.#grant();
  }

  /**
   * Answers that their clients have not taken occupy memory, too: while they do, big
   * messages wait (they bring big answers). Negative when they were taken.
   */
  answersChanged(bytes: number): void {
    this.#answerBytes += bytes;
    if (bytes < 0 && this.#big.size > 0) this.#grant();
  }

  #fits(bytes: number, small: boolean): boolean {
    const usedBytes = this.#usedBytes + bytes;
    return small
      ? usedBytes <= this.totalBytes
      : usedBytes + Math.min(this.#answerBytes, this.largestBytes - bytes) <= this.largestBytes;
  }

  #grant(): void {
    // `granted` may release in turn: the outer loop then sees the new room.
    if (this.#granting) return;
    this.#granting = true;
    try {
      while (this.#grantFirst(this.#small, true) || this.#grantFirst(this.#big, false));
    } finally {
      this.#granting = false;
    }
  }

  #grantFirst(line: Set<BudgetWaiter>, small: boolean): boolean {
    const [first] = line;
    if (!first || !this.#fits(first.neededBytes, small)) return false;
    line.delete(first);
    this.#usedBytes += first.neededBytes;
    first.granted();
    return true;
  }
}

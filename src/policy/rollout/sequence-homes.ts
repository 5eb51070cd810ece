/** Which version a sequence began with: it stays there, whatever becomes of the aliases meanwhile. */

interface Home {
  readonly version: string;
  lastMs: number;
}

export class SequenceHomes {
  /** In the order of their last requests. */
  readonly #homes = new Map<string, Home>();

  /**
   * The version that a request of a sequence goes to.
   * @param key of the sequence
   * @param maxIdleMs a sequence without a request for so long is over
   * @param choose for a sequence that begins
   */
  of(
    key: string,
    { start, end }: { readonly start: boolean; readonly end: boolean },
    nowMs: number,
    maxIdleMs: number,
    choose: () => string,
  ): string {
    this.#forget(nowMs - maxIdleMs);
    const known = start ? undefined : this.#homes.get(key);
    const version = known?.version ?? choose();
    this.#homes.delete(key);
    if (!end) this.#homes.set(key, { version, lastMs: nowMs });
    return version;
  }

  get size(): number {
    return this.#homes.size;
  }

  #forget(beforeMs: number): void {
    for (const [key, { lastMs }] of this.#homes) {
      if (lastMs > beforeMs) return;
      this.#homes.delete(key);
    }
  }
}

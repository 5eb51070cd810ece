/**
 * How long what somebody has in the gateway will take, as things go: rows held by rows answered a second (Little's
 * law). What is measured has everything in it: the share, the devices, the others.
 */
const WINDOW_MS = 1000;

export class DrainMeter {
  #heldRows = 0;
  /** Rows answered, older ones weighing less. */
  #answered = 0;
  #at = 0;
  /** Since when there has been something to answer without a break. */
  #busySince = 0;
  #progressAt = 0;

  get heldRows(): number {
    return this.#heldRows;
  }

  hold(rows: number, now: number): void {
    if (this.#heldRows <= 0) {
      this.#heldRows = 0;
      this.#answered = 0;
      this.#busySince = now;
      this.#progressAt = now;
      this.#at = now;
    }
    this.#heldRows += rows;
  }

  /** @param answered false: its client went away, or it failed */
  letGo(rows: number, answered: boolean, now: number): void {
    this.#heldRows -= rows;
    if (!answered) return;
    this.#fade(now);
    this.#answered += rows;
    this.#progressAt = now;
  }

  drainMs(now: number): number {
    if (this.#heldRows <= 0) return 0;
    this.#fade(now);
    // Of a stay that is younger than the window less is to be expected.
    const seenMs = WINDOW_MS * (1 - Math.exp(-Math.max(1, now - this.#busySince) / WINDOW_MS));
    const rowsPerMs = this.#answered / seenMs;
    const stalledMs = now - this.#progressAt;
    return this.#answered > 0 ? Math.max(stalledMs, this.#heldRows / rowsPerMs) : stalledMs;
  }

  #fade(now: number): void {
    this.#answered *= Math.exp(-(now - this.#at) / WINDOW_MS);
    this.#at = now;
  }
}

/** How busy a worker was lately: the share of time it spent executing, over the last seconds. */

/** After this time a run counts 1/e. */
const MEMORY_MS = 5_000;

export class LoadMeter {
  #busyMs = 0;
  #measuredAt: number;

  constructor(now: number) {
    this.#measuredAt = now;
  }

  add(busyMs: number, now: number): void {
    this.#fade(now);
    this.#busyMs += busyMs;
  }

  /** 0: idle; 1: executing all the time. */
  share(now: number): number {
    this.#fade(now);
    return this.#busyMs / MEMORY_MS;
  }

  #fade(now: number): void {
    this.#busyMs *= Math.exp((this.#measuredAt - now) / MEMORY_MS);
    this.#measuredAt = now;
  }
}

/** How long requests wait for instances that are all gone. */
import type { Clock } from "../clock.ts";
import type { Pool } from "../pool/pool.ts";

export class Patience {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #limitMs: number;
  #stop: (() => void) | undefined;

  constructor(pool: Pool, clock: Clock, limitMs: number) {
    this.#pool = pool;
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /**
   * While nothing serves: calls `giveUp` with the reason, now or when the limit has passed.
   * @param serves called then instead where an instance serves by that time
   */
  wait(model: string, giveUp: (reason: string) => void, serves?: () => void): void {
    if (this.#pool.available) {
      this.end();
      return;
    }
    const { failure } = this.#pool;
    if (failure !== undefined) {
      giveUp(`model '${model}' could not be loaded again: ${failure}`);
      return;
    }
    this.#stop ??= this.#clock.after(this.#limitMs, () => {
      this.#stop = undefined;
      if (this.#pool.available) serves?.();
      else giveUp(`no instance of model '${model}' became ready in time`);
    });
  }

  end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}

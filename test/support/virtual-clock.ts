/** A clock that stands still until the test moves it. */
import type { Clock } from "../../src/clock.ts";

export class VirtualClock implements Clock {
  #now = 0;
  #timers: { at: number; fire: () => void }[] = [];

  now = (): number => this.#now;

  after(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.#now + delayMs, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  next(fire: () => void): void {
    this.after(0, fire);
  }

  soon(fire: () => void): void {
    this.after(0, fire);
  }

  /** Timers not fired and not taken back. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Fires what is due within `ms`, in order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
      await settle();
    }
    this.#now = until;
  }
}

/** Lets promise reactions that are ready run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

/** Virtual time for long simulations: events in order, promises settled where somebody asks for it. */
import type { Clock } from "../../../src/clock.ts";

/** Keeps events of the same instant in the order in which they were asked for, ms. */
const ORDER_MS = 1e-10;
const MICROTASKS = 20;

interface Timer {
  readonly at: number;
  fire: (() => void) | undefined;
}

export class EventClock implements Clock {
  /** The next one last. */
  readonly #timers: Timer[] = [];
  #now = 0;
  #asked = 0;
  #settles = false;

  now = (): number => this.#now;

  after(delayMs: number, fire: () => void): () => void {
    this.#asked += 1;
    const timer: Timer = { at: this.#now + delayMs + this.#asked * ORDER_MS, fire };
    let [from, to] = [0, this.#timers.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#timers[middle] as Timer).at > timer.at) from = middle + 1;
      else to = middle;
    }
    this.#timers.splice(from, 0, timer);
    return () => {
      timer.fire = undefined;
    };
  }

  next(fire: () => void): void {
    this.after(0, fire);
  }

  soon(fire: () => void): void {
    this.after(0, fire);
  }

  /** The event that is being handled has settled a promise. */
  settle(): void {
    this.#settles = true;
  }

  async runUntil(ms: number): Promise<void> {
    for (let first = this.#timers.at(-1); first && first.at <= ms; first = this.#timers.at(-1)) {
      this.#timers.pop();
      this.#now = Math.max(this.#now, first.at);
      first.fire?.();
      if (!this.#settles) continue;
      this.#settles = false;
      for (let turn = 0; turn < MICROTASKS; turn += 1) await Promise.resolve();
    }
    this.#now = ms;
  }
}

/** Virtual time for long simulations: events in order, promises settled where somebody asks for it. */
import type { Clock } from "../../../src/clock.ts";
import { TagHeap } from "../../../src/policy/fair-share/tag-heap.ts";

/** Keeps events of the same instant in the order in which they were asked for, ms. */
const ORDER_MS = 1e-10;
const MICROTASKS = 20;

interface Timer {
  readonly tag: number;
  fire: (() => void) | undefined;
}

export class EventClock implements Clock {
  readonly #timers = new TagHeap<Timer>();
  #now = 0;
  #asked = 0;
  #settles = false;

  now = (): number => this.#now;

  after(delayMs: number, fire: () => void): () => void {
    this.#asked += 1;
    const timer: Timer = { tag: this.#now + delayMs + this.#asked * ORDER_MS, fire };
    this.#timers.add(timer);
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
    for (
      let { first } = this.#timers;
      first !== undefined && first.tag <= ms;
      { first } = this.#timers
    ) {
      this.#timers.takeFirst();
      this.#now = Math.max(this.#now, first.tag);
      first.fire?.();
      if (!this.#settles) continue;
      this.#settles = false;
      for (let turn = 0; turn < MICROTASKS; turn += 1) await Promise.resolve();
    }
    this.#now = ms;
  }
}

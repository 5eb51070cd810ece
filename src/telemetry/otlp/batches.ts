/**
 * What ended waits until there is enough of it for one message, or long enough, and goes out one message at a time.
 * Beyond its bound what comes is dropped: a collector that is away costs traces, never memory.
 */
import type { Clock } from "../../clock.ts";

export interface BatchRules {
  /** Most that waits, by weight; what is being sent is not counted. */
  readonly most: number;
  /** Of one message, by weight. */
  readonly batch: number;
  /** Longest that the first waits for others, ms. */
  readonly delayMs: number;
}

export interface BatchParts<T> {
  readonly rules: BatchRules;
  /** Rejects when they did not arrive: they are lost. */
  send(items: readonly T[]): Promise<void>;
  readonly clock: Pick<Clock, "after" | "soon">;
}

export class Batches<T> {
  readonly #parts: BatchParts<T>;
  #waiting: { readonly item: T; readonly weight: number }[] = [];
  #weight = 0;
  #sending: Promise<void> | undefined;
  /** Takes back what would send those that wait. */
  #stopWaiting: (() => void) | undefined;
  #hurried = false;
  #closed = false;
  /** How much was dropped, by weight. */
  dropped = 0;

  constructor(parts: BatchParts<T>) {
    this.#parts = parts;
  }

  add(item: T, weight: number): void {
    const { rules, clock } = this.#parts;
    if (this.#closed || this.#weight + weight > rules.most) {
      this.dropped += weight;
      return;
    }
    this.#waiting.push({ item, weight });
    this.#weight += weight;
    if (this.#sending !== undefined) return;
    if (this.#weight >= rules.batch) {
      if (this.#hurried) return;
      this.#hurried = true;
      // Not within the life of the request that ended.
      clock.soon(() => {
        this.#hurried = false;
        this.#begin();
      });
    } else this.#stopWaiting ??= clock.after(rules.delayMs, () => this.#begin());
  }

  /** Resolves when everything was sent, as far as it could be. */
  async close(): Promise<void> {
    this.#closed = true;
    do {
      this.#begin();
      await this.#sending;
    } while (this.#waiting.length > 0);
  }

  #begin(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#sending !== undefined || this.#waiting.length === 0) return;
    this.#sending = this.#parts
      .send(this.#take())
      .catch(() => undefined)
      .then(() => {
        this.#sending = undefined;
        this.#next();
      });
  }

  #next(): void {
    const { rules, clock } = this.#parts;
    if (this.#weight >= rules.batch) this.#begin();
    else if (this.#waiting.length > 0 && !this.#closed) {
      this.#stopWaiting ??= clock.after(rules.delayMs, () => this.#begin());
    }
  }

  #take(): T[] {
    let weight = 0;
    let count = 0;
    for (const { weight: own } of this.#waiting) {
      if (count > 0 && weight + own > this.#parts.rules.batch) break;
      weight += own;
      count += 1;
    }
    this.#weight -= weight;
    return this.#waiting.splice(0, count).map(({ item }) => item);
  }
}

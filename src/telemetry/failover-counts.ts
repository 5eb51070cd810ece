/** How many requests went from one variant of a model to another. */
import type { Failovers } from "./device-metrics.ts";

export class FailoverCounts {
  readonly #counts = new Map<string, Failovers & { count: number }>();

  add(model: string, from: string, to: string): void {
    const key = JSON.stringify([model, from, to]);
    const known = this.#counts.get(key) ?? { model, from, to, count: 0 };
    known.count += 1;
    this.#counts.set(key, known);
  }

  all(): Iterable<Failovers> {
    return this.#counts.values();
  }
}

/** Batches that run again after a failure, before anything that waits. */
import type { Entry } from "./entry.ts";

export class Repeats {
  readonly #batches: (readonly Entry[])[] = [];

  /** Batches. */
  get size(): number {
    return this.#batches.length;
  }

  get requests(): number {
    let count = 0;
    for (const batch of this.#batches) count += batch.length;
    return count;
  }

  /** The batch that is next. */
  get first(): readonly Entry[] | undefined {
    return this.#batches[0];
  }

  takeFirst(): readonly Entry[] | undefined {
    return this.#batches.shift();
  }

  putFirst(batches: readonly (readonly Entry[])[]): void {
    this.#batches.unshift(...batches);
  }

  /** @returns false: it is not among them */
  remove(entry: Entry): boolean {
    const at = this.#batches.findIndex((batch) => batch.includes(entry));
    const batch = this.#batches[at];
    if (!batch) return false;
    const rest = batch.filter((other) => other !== entry);
    this.#batches.splice(at, 1, ...(rest.length > 0 ? [rest] : []));
    return true;
  }

  /** Keeps of each batch what `keep` says. */
  sift(keep: (batch: readonly Entry[]) => readonly Entry[]): void {
    for (const [at, batch] of this.#batches.entries()) this.#batches[at] = keep(batch);
  }

  clear(): Entry[] {
    return this.#batches.splice(0).flat();
  }
}

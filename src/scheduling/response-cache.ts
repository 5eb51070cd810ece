/** Answers that were given, for requests that are asked again: one cache for all models, the least recently used goes first. */
import type { OutputTensor, Parameters } from "../inference/request.ts";

/** What an entry costs beside the bytes of its tensors: objects, names, shapes. */
const ENTRY_BYTES = 512;

/** Whose answers they are. */
export interface CacheOwner {
  /** They were made with the help of other models. */
  readonly composed: boolean;
}

export interface KeptAnswer {
  readonly outputs: readonly OutputTensor[];
  /** What it told of where it came from. */
  readonly parameters: Parameters | undefined;
}

interface Entry extends KeptAnswer {
  readonly owner: CacheOwner;
  readonly sizeBytes: number;
}

export class ResponseCache {
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get(key: string): KeptAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Copies the tensors; an answer larger than the whole cache is not kept. */
  put(key: string, owner: CacheOwner, { outputs, parameters }: KeptAnswer): void {
    let sizeBytes = ENTRY_BYTES;
    for (const { data } of outputs) sizeBytes += data.byteLength;
    if (sizeBytes > this.#limitBytes) return;
    this.#remove(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#usedBytes + sizeBytes <= this.#limitBytes) break;
      this.#remove(oldest);
    }
    // Not from the pool of small buffers: a view would keep the whole of it.
    const kept = outputs.map((output) => ({ ...output, data: new Uint8Array(output.data) }));
    this.#entries.set(key, { owner, outputs: kept, parameters, sizeBytes });
    this.#usedBytes += sizeBytes;
  }

  forget(owner: CacheOwner): void {
    this.#removeWhere((entry) => entry.owner === owner);
  }

  /** A model went: what others made of its answers may be different from now on. */
  forgetComposed(): void {
    this.#removeWhere((entry) => entry.owner.composed);
  }

  #removeWhere(condition: (entry: Entry) => boolean): void {
    for (const [key, entry] of this.#entries) if (condition(entry)) this.#remove(key);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#usedBytes -= entry.sizeBytes;
  }
}

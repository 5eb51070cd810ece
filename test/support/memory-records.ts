/** Records and log of the memory store: JSON text, as other processes would read it. */
import { StatusError } from "../../src/errors.ts";
import type { AppendLog, DamagedRecord, Records, Versioned } from "../../src/store/store.ts";

/** Generations of one key as JSON, oldest first: index 0 is generation 1. */
export type RecordChain = string[];

const KEPT_GENERATIONS = 50;

export class MemoryRecords<T> implements Records<T> {
  readonly #chains: Map<string, RecordChain>;
  readonly #now: () => number;
  readonly #seen = new Map<string, Versioned<T>>();
  readonly damaged: ReadonlyMap<string, DamagedRecord> = new Map();

  constructor(chains: Map<string, RecordChain>, now: () => number) {
    this.#chains = chains;
    this.#now = now;
    for (const key of chains.keys()) this.#look(key);
  }

  get all(): ReadonlyMap<string, Versioned<T>> {
    return this.#seen;
  }

  get generation(): number {
    let sum = 0;
    for (const { generation } of this.#seen.values()) sum += generation;
    return sum;
  }

  get(key: string): Versioned<T> | undefined {
    return this.#seen.get(key);
  }

  async commit(
    key: string,
    expected: number,
    value: T | undefined,
    note?: object,
  ): Promise<Versioned<T>> {
    if (key === "" || key.includes("\0")) {
      throw new StatusError("INVALID_ARGUMENT", "the key of a record must have a name without NUL");
    }
    const chain = this.#chains.get(key) ?? [];
    if (chain.length !== expected) {
      this.#look(key);
      throw new StatusError(
        "ABORTED",
        `'${key}' was changed by somebody else: generation ${chain.length} is there, ${expected} was expected`,
      );
    }
    const at = new Date(this.#now()).toISOString();
    chain.push(JSON.stringify({ generation: expected + 1, at, note, value }));
    this.#chains.set(key, chain);
    this.#look(key);
    return this.#seen.get(key) as Versioned<T>;
  }

  async recover(key: string): Promise<Versioned<T>> {
    throw new StatusError("FAILED_PRECONDITION", `'${key}' is not damaged`);
  }

  async history(key: string): Promise<readonly Versioned<T>[]> {
    const chain = this.#chains.get(key) ?? [];
    return chain
      .slice(-KEPT_GENERATIONS, -1)
      .reverse()
      .map(read<T>);
  }

  async refresh(): Promise<readonly string[]> {
    return [...this.#chains.keys()].filter((key) => this.#look(key));
  }

  #look(key: string): boolean {
    const chain = this.#chains.get(key);
    const newest = chain?.at(-1);
    if (newest === undefined || this.#seen.get(key)?.generation === chain?.length) return false;
    this.#seen.set(key, read(newest));
    return true;
  }
}

function read<T>(text: string): Versioned<T> {
  const { value, ...rest } = JSON.parse(text) as Versioned<T>;
  return { ...rest, value };
}

export class MemoryLog implements AppendLog {
  readonly #lines: string[];

  constructor(lines: string[]) {
    this.#lines = lines;
  }

  async append(entry: object): Promise<void> {
    this.#lines.push(JSON.stringify(entry));
  }

  async read(limit: number, matches: (entry: object) => boolean = () => true) {
    const entries: object[] = [];
    if (limit <= 0) return entries;
    for await (const entry of this.newestFirst()) {
      if (matches(entry)) entries.push(entry);
      if (entries.length >= limit) break;
    }
    return entries;
  }

  async *newestFirst(): AsyncGenerator<object, void> {
    for (const line of this.#lines.toReversed()) yield JSON.parse(line) as object;
  }
}

/**
 * Records that several processes change without locks: a commit is a link to the file of the next
 * generation, and of two that link one is first. What one process links, others find in the journal, or,
 * where the writer died before it could say so, in a look at all folders now and then.
 */
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Records, Versioned } from "../store.ts";
import { codeOf, linkNew, syncFolder, toStoreError, writeDurably } from "./durable.ts";
import {
  fileNameOf,
  generationFile,
  generationsOf,
  keyOf,
  newest,
  newestSync,
  parseRecord,
  recordText,
} from "./record-files.ts";

/** Generations of one key that are kept. */
const KEPT = 50;
/** Every so many looks at the journal all folders are looked at. */
const WHOLE_LOOK_EVERY = 60;
/** No key has this name: theirs never begin with a dot. */
const JOURNAL = ".journal";
/** A journal that grew beyond this is begun anew by the next process that opens the store. */
const JOURNAL_BYTES = 4 * 1024 * 1024;

export class FileRecords<T> implements Records<T> {
  readonly #folder: string;
  readonly #temporary: string;
  readonly #log: Logger;
  readonly #all = new Map<string, Versioned<T>>();
  #generation = 0;
  #journalBytes = 0;
  #looks = 0;

  private constructor(folder: string, temporary: string, log: Logger) {
    this.#folder = folder;
    this.#temporary = temporary;
    this.#log = log;
  }

  /** Reads every key: the disk is the only truth. */
  static async open<T>(folder: string, temporary: string, log: Logger): Promise<FileRecords<T>> {
    const records = new FileRecords<T>(folder, temporary, log);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await records.#openJournal();
    records.#readAll();
    return records;
  }

  get all(): ReadonlyMap<string, Versioned<T>> {
    return this.#all;
  }

  get generation(): number {
    return this.#generation;
  }

  get(key: string): Versioned<T> | undefined {
    return this.#all.get(key);
  }

  async commit(key: string, expected: number, value: T | undefined): Promise<Versioned<T>> {
    const name = fileNameOf(key);
    const folder = join(this.#folder, name);
    if (await mkdir(folder, { recursive: true, mode: 0o700 })) await syncFolder(this.#folder);
    await this.#requireNewest(key, folder, expected);
    const next: Versioned<T> = {
      generation: expected + 1,
      value,
      at: new Date().toISOString(),
    };
    const path = generationFile(folder, next.generation);
    const linked = await linkNew(await this.#write(recordText(next), path), path);
    if (!linked) await this.#lost(key, folder, expected);
    // Only who slept through fifty commits of others links a number that was used and pruned.
    if ((await generationsOf(folder)).at(-1) !== next.generation) {
      await rm(path, { force: true });
      await this.#lost(key, folder, expected);
    }
    await this.#tell(name);
    this.#remember(key, next);
    await rm(generationFile(folder, next.generation - KEPT), { force: true });
    return next;
  }

  async history(key: string): Promise<readonly Versioned<T>[]> {
    const folder = join(this.#folder, fileNameOf(key));
    const found: Versioned<T>[] = [];
    for (const generation of (await generationsOf(folder)).reverse()) {
      const read = await this.#read(folder, generation);
      if (read !== undefined) found.push(read);
    }
    return found;
  }

  async refresh(): Promise<readonly string[]> {
    this.#looks += 1;
    const names = new Set(await this.#news());
    if (this.#looks % WHOLE_LOOK_EVERY === 0) {
      for (const name of await readdir(this.#folder)) names.add(name);
    }
    const changed: string[] = [];
    for (const name of names) {
      const key = keyOf(name);
      if (key !== undefined && name !== JOURNAL && (await this.#reread(key))) changed.push(key);
    }
    return changed;
  }

  #readAll(): void {
    for (const entry of readdirSync(this.#folder, { withFileTypes: true })) {
      if (entry.name === JOURNAL) continue;
      const key = entry.isDirectory() ? keyOf(entry.name) : undefined;
      if (key === undefined) {
        this.#log.warn(`'${join(this.#folder, entry.name)}' is not of this store: it is ignored`);
        continue;
      }
      const found = newestSync(join(this.#folder, entry.name));
      if (found !== undefined) this.#remember(key, this.#parsed(key, found));
    }
  }

  async #reread(key: string): Promise<boolean> {
    const found = await newest(join(this.#folder, fileNameOf(key)));
    if (found === undefined || found.generation <= (this.#all.get(key)?.generation ?? 0)) {
      return false;
    }
    this.#remember(key, this.#parsed(key, found));
    return true;
  }

  /**
   * Files are linked when they are whole, so a broken one was damaged from outside. The generation before
   * was superseded on purpose: it does not come back; the record is as if it had been removed.
   */
  #parsed(key: string, { text, generation }: { text: string; generation: number }): Versioned<T> {
    try {
      return parseRecord<T>(text, generation);
    } catch (cause) {
      const path = generationFile(join(this.#folder, fileNameOf(key)), generation);
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#log.error(`'${path}' is damaged, '${key}' is left out until it is repaired: ${reason}`);
      return { generation, value: undefined, at: "" };
    }
  }

  async #read(folder: string, generation: number): Promise<Versioned<T> | undefined> {
    const path = generationFile(folder, generation);
    try {
      const handle = await open(path);
      try {
        return parseRecord<T>(await handle.readFile("utf8"), generation);
      } finally {
        await handle.close();
      }
    } catch {
      return undefined; // pruned meanwhile, or damaged: the history has a hole
    }
  }

  #remember(key: string, record: Versioned<T>): void {
    const before = this.#all.get(key)?.generation ?? 0;
    if (record.generation <= before) return;
    this.#generation += record.generation - before;
    this.#all.set(key, record);
  }

  async #write(text: string, path: string): Promise<string> {
    const made = join(this.#temporary, randomUUID());
    try {
      const handle = await open(made, "wx", 0o600);
      try {
        await writeDurably(handle, Buffer.from(text));
      } finally {
        await handle.close();
      }
      return made;
    } catch (cause) {
      await rm(made, { force: true });
      throw toStoreError(cause, path);
    }
  }

  async #requireNewest(key: string, folder: string, expected: number): Promise<void> {
    const generation = (await generationsOf(folder)).at(-1) ?? 0;
    if (generation !== expected) await this.#lost(key, folder, expected);
  }

  async #lost(key: string, folder: string, expected: number): Promise<never> {
    await this.#reread(key);
    const generation = (await generationsOf(folder)).at(-1) ?? 0;
    throw new StatusError(
      "ABORTED",
      `'${key}' is at generation ${generation}, the change was made from ${expected}: look at it ` +
        "again, and repeat the change if it still applies",
    );
  }

  async #openJournal(): Promise<void> {
    const handle = await open(join(this.#folder, JOURNAL), "a", 0o600);
    try {
      const { size } = await handle.stat();
      if (size > JOURNAL_BYTES) await handle.truncate(0);
      this.#journalBytes = size > JOURNAL_BYTES ? 0 : size;
    } finally {
      await handle.close();
    }
  }

  async #tell(name: string): Promise<void> {
    // The commit stands: who misses the line finds the file in the look at all folders.
    await open(join(this.#folder, JOURNAL), "a", 0o600)
      .then(async (handle) => {
        try {
          await handle.write(`${name}\n`);
        } finally {
          await handle.close();
        }
      })
      .catch((cause: unknown) => this.#log.warn(`the journal cannot be written: ${codeOf(cause)}`));
  }

  /** Names in the journal since the last look. */
  async #news(): Promise<readonly string[]> {
    const handle = await open(join(this.#folder, JOURNAL), "r").catch(() => undefined);
    if (handle === undefined) return [];
    try {
      const { size } = await handle.stat();
      if (size === this.#journalBytes) return [];
      const from = size < this.#journalBytes ? 0 : this.#journalBytes; // begun anew
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(size - from),
        0,
        size - from,
        from,
      );
      const text = buffer.toString("utf8", 0, bytesRead);
      const whole = text.lastIndexOf("\n") + 1;
      this.#journalBytes = from + Buffer.byteLength(text.slice(0, whole));
      return text
        .slice(0, whole)
        .split("\n")
        .filter((line) => line !== "");
    } finally {
      await handle.close();
    }
  }
}

/**
 * Records of one kind in files that several processes share, linearizable by key without a lock.
 *
 * Generation g + 1 is written to a temporary file, synced, and linked to `<key>/<g + 1>.json`: of all who try,
 * the file system lets one succeed. Names are never removed (older generations are emptied), so a number
 * means one commit for ever, and whoever is late finds its number taken. The newest number is the state.
 */
import { truncate, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { DamagedRecord, Records, Versioned } from "../store.ts";
import { asDiskError, linkNew, makeFolder, syncFolder, writeDurably } from "./durable.ts";
import type { FormatWatch } from "./format.ts";
import { Journal } from "./journal.ts";
import { folderNameOf, keyOfFolder, type Layout } from "./layout.ts";
import { sizeOf } from "./look.ts";
import { readRecords } from "./read-records.ts";
import { fileNameOf, type RecordFile, readRecordFile, writeRecord } from "./record-file.ts";

/** Generations of a record that can be read, the newest among them. */
export const KEPT_GENERATIONS = 50;

export interface RecordsSetting {
  readonly layout: Layout;
  readonly format: FormatWatch;
  readonly log: Logger;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

export class FileRecords<T> implements Records<T> {
  readonly #kind: string;
  readonly #folder: string;
  readonly #setting: RecordsSetting;
  readonly #journal: Journal;
  readonly #all = new Map<string, Versioned<T>>();
  readonly #damaged = new Map<string, DamagedRecord>();
  /** Folder to the key in `#damaged`, which may be cut where nothing in the folder can tell it. */
  readonly #damagedFolders = new Map<string, string>();
  /** Newest generation seen, by folder; its sum is `generation`. */
  readonly #newest = new Map<string, number>();
  /** Announced in the journal and not there yet. */
  readonly #awaited = new Map<string, number>();
  #generation = 0;
  #refreshing: Promise<unknown> = Promise.resolve();

  constructor(kind: string, setting: RecordsSetting) {
    this.#kind = kind;
    this.#folder = setting.layout.kind(kind);
    this.#setting = setting;
    this.#journal = new Journal(setting.layout.journal(kind));
  }

  get all(): ReadonlyMap<string, Versioned<T>> {
    return this.#all;
  }

  get damaged(): ReadonlyMap<string, DamagedRecord> {
    return this.#damaged;
  }

  get generation(): number {
    return this.#generation;
  }

  get(key: string): Versioned<T> | undefined {
    return this.#all.get(key);
  }

  /** Reads everything from the disk. @returns the keys that changed */
  async load(): Promise<readonly string[]> {
    // The journal first: what is announced later is seen by the next refresh.
    this.#journal.forget();
    const announced = (await this.#journal.read()) ?? new Map<string, number>();
    const changed: string[] = [];
    for (const found of await readRecords<T>(this.#folder, this.#setting.log)) {
      const key = this.#see(found.folder, found.generation, found.record);
      if (key !== undefined) changed.push(key);
    }
    this.#await(announced);
    return changed;
  }

  refresh(): Promise<readonly string[]> {
    const refreshed = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = refreshed.catch(() => undefined);
    return refreshed;
  }

  async commit(
    key: string,
    expected: number,
    value: T | undefined,
    note?: object,
  ): Promise<Versioned<T>> {
    const folder = folderNameOf(key);
    if ((this.#newest.get(folder) ?? 0) !== expected) await this.#advance(folder, expected);
    const damage = this.#damageOf(folder);
    if (damage !== undefined) throw this.#dataLoss(key, damage);
    return await this.#commit(key, folder, expected, value, note);
  }

  async recover(key: string, note?: object): Promise<Versioned<T>> {
    const damage = this.#damageOf(folderNameOf(key));
    if (damage === undefined) {
      throw new StatusError("FAILED_PRECONDITION", `${this.#kind}: '${key}' is not damaged`);
    }
    const [older] = await this.history(key);
    if (older === undefined) throw this.#dataLoss(key, damage);
    return await this.#commit(key, folderNameOf(key), damage.generation, older.value, {
      ...note,
      recoveredFrom: older.generation,
    });
  }

  async history(key: string): Promise<readonly Versioned<T>[]> {
    const folder = folderNameOf(key);
    const newest = this.#newest.get(folder) ?? 0;
    const kept: Versioned<T>[] = [];
    for (let at = newest - 1; at > Math.max(0, newest - KEPT_GENERATIONS); at--) {
      const record = await readRecordFile<T>(this.#folder, folder, at);
      if (typeof record === "object") kept.push(withoutKey(record));
    }
    return kept;
  }

  async #commit(
    key: string,
    folder: string,
    expected: number,
    value: T | undefined,
    note: object | undefined,
  ): Promise<Versioned<T>> {
    const { layout, format, now } = this.#setting;
    const newest = this.#newest.get(folder) ?? 0;
    if (newest !== expected) throw this.#aborted(key, expected, newest);
    const generation = expected + 1;
    const at = new Date(now()).toISOString();
    const text = writeRecord({
      key,
      generation,
      at,
      value,
      ...(note === undefined ? {} : { note }),
    });
    const temporary = layout.newTemporary("record");
    let first = true;
    try {
      await format.check();
      await makeFolder(join(this.#folder, folder));
      await writeDurably(temporary, text);
      await this.#journal.announce(folder, generation);
      first = await linkNew(temporary, join(this.#folder, folder, fileNameOf(generation)));
      if (first) await syncFolder(join(this.#folder, folder));
    } catch (thrown) {
      throw asDiskError(thrown, `'${key}' was committed`);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    if (!first) {
      await this.#advance(folder, generation);
      throw this.#aborted(key, expected, this.#newest.get(folder) ?? generation);
    }
    await this.#prune(folder, generation - KEPT_GENERATIONS);
    // What other processes will read, not what this one was given.
    const { value: kept } = JSON.parse(text) as RecordFile<T>;
    const record = { key, generation, at, value: kept, ...(note === undefined ? {} : { note }) };
    this.#see(folder, generation, record);
    return withoutKey(record);
  }

  async #refresh(): Promise<readonly string[]> {
    const announced = await this.#journal.read();
    if (announced === undefined) {
      this.#setting.log.warn(`'${this.#setting.layout.journal(this.#kind)}' was replaced`);
      return await this.load();
    }
    this.#await(announced);
    const changed: string[] = [];
    for (const [folder, generation] of [...this.#awaited]) {
      const key = await this.#advance(folder, generation);
      if (key !== undefined) changed.push(key);
      if ((this.#newest.get(folder) ?? 0) >= generation) this.#awaited.delete(folder);
    }
    return changed;
  }

  #await(announced: ReadonlyMap<string, number>): void {
    for (const [folder, generation] of announced) {
      if (generation <= (this.#newest.get(folder) ?? 0)) continue;
      this.#awaited.set(folder, Math.max(generation, this.#awaited.get(folder) ?? 0));
    }
  }

  /**
   * Looks for newer generations of one record.
   * @param hint a number that may be there; the search goes on from it
   * @returns the key, where something was found
   */
  async #advance(folder: string, hint: number): Promise<string | undefined> {
    const known = this.#newest.get(folder) ?? 0;
    const there = async (at: number) =>
      (await sizeOf(join(this.#folder, folder, fileNameOf(at)))) !== undefined;
    let newest = hint > known && (await there(hint)) ? hint : known;
    while (await there(newest + 1)) newest++;
    if (newest === known) return undefined;
    const record = await readRecordFile<T>(this.#folder, folder, newest);
    // It may be emptied already, where others committed many meanwhile.
    if (typeof record !== "object" && (await there(newest + 1))) {
      return await this.#advance(folder, newest + 1);
    }
    return this.#see(folder, newest, record ?? "is gone");
  }

  /** @returns the key; undefined where something newer was seen before */
  #see(folder: string, generation: number, found: RecordFile<T> | string): string | undefined {
    const known = this.#newest.get(folder) ?? 0;
    if (generation <= known) return undefined;
    this.#newest.set(folder, generation);
    this.#generation += generation - known;
    this.#damaged.delete(this.#damagedFolders.get(folder) ?? "");
    this.#damagedFolders.delete(folder);
    if (typeof found === "object") {
      this.#all.set(found.key, withoutKey(found));
      return found.key;
    }
    const key = this.#keyOf(folder);
    const reason = `'${join(this.#folder, folder, fileNameOf(generation))}' ${found}`;
    this.#all.delete(key);
    this.#damagedFolders.set(folder, key);
    this.#damaged.set(key, { generation, reason });
    this.#setting.log.error(`${this.#kind}: '${key}' is out of use: ${reason}`);
    return key;
  }

  #damageOf(folder: string): DamagedRecord | undefined {
    const key = this.#damagedFolders.get(folder);
    return key === undefined ? undefined : this.#damaged.get(key);
  }

  /** Of a record that cannot tell. */
  #keyOf(folder: string): string {
    for (const key of this.#all.keys()) if (folderNameOf(key) === folder) return key;
    return keyOfFolder(folder);
  }

  async #prune(folder: string, generation: number): Promise<void> {
    if (generation < 1) return;
    await truncate(join(this.#folder, folder, fileNameOf(generation))).catch(() => undefined);
  }

  #aborted(key: string, expected: number, newest: number): StatusError {
    const there = newest === 0 ? "it does not exist" : `generation ${newest} is there`;
    return new StatusError(
      "ABORTED",
      `'${key}' was changed by somebody else: ${there}, ${expected} was expected; look at it and try again`,
    );
  }

  #dataLoss(key: string, { reason }: DamagedRecord): StatusError {
    return new StatusError(
      "DATA_LOSS",
      `'${key}' cannot be changed: ${reason}; restore that file from a backup, or bring back the generation before it ('beamgate model recover')`,
    );
  }
}

function withoutKey<T>({ generation, at, value, note }: RecordFile<T>): Versioned<T> {
  return { generation, at, value, ...(note === undefined ? {} : { note }) };
}

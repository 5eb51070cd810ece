/** A store in a folder that several processes share. */
import { mkdir, readdir } from "node:fs/promises";
import { type Logger, silent } from "../../logger.ts";
import type { Records, Store } from "../store.ts";
import { asDiskError, makeFolder } from "./durable.ts";
import { FileBlobs } from "./file-blobs.ts";
import { FileLog } from "./file-log.ts";
import { FileRecords } from "./file-records.ts";
import { createFormat, FORMAT_VERSION, FormatWatch, readFormat } from "./format.ts";
import { checkKind, Layout } from "./layout.ts";
import { upgrade } from "./upgrade.ts";

const HOUR_MS = 3_600_000;

export interface FileStoreOptions {
  readonly log?: Logger;
  /** Wall clock, ms since 1970; default: that of the system. */
  readonly now?: () => number;
  /** Default a day: longer than any registration takes from its upload to its commit. */
  readonly graceMs?: number;
  /** Default a week. */
  readonly uploadGraceMs?: number;
}

/**
 * Makes the store where the folder is missing or empty, upgrades an older one.
 * @throws StatusError FAILED_PRECONDITION for a newer store, and a folder that is none
 */
export async function openFileStore(
  folder: string,
  options: FileStoreOptions = {},
): Promise<FileStore> {
  const layout = new Layout(folder);
  const log = options.log ?? silent;
  try {
    const version = await readFormat(layout);
    if (version === undefined) await createFormat(layout);
    else if (version < FORMAT_VERSION) await upgrade(layout, log);
    for (const path of [layout.temporary, layout.blobs, layout.records, layout.uploads]) {
      await makeFolder(path);
    }
  } catch (thrown) {
    throw asDiskError(thrown, `'${folder}' was opened`);
  }
  const store = new FileStore(layout, { ...options, log });
  await store.load();
  return store;
}

export class FileStore implements Store {
  readonly blobs: FileBlobs;
  readonly log: FileLog;
  readonly #layout: Layout;
  readonly #logger: Logger;
  readonly #format: FormatWatch;
  readonly #now: () => number;
  readonly #kinds = new Map<string, FileRecords<unknown>>();

  /** `openFileStore` makes them. */
  constructor(layout: Layout, options: FileStoreOptions & { readonly log: Logger }) {
    this.#layout = layout;
    this.#logger = options.log;
    this.#format = new FormatWatch(layout);
    this.#now = options.now ?? Date.now;
    this.log = new FileLog(layout.log);
    this.blobs = new FileBlobs({
      layout,
      format: this.#format,
      now: this.#now,
      graceMs: options.graceMs ?? 24 * HOUR_MS,
      uploadGraceMs: options.uploadGraceMs ?? 7 * 24 * HOUR_MS,
    });
  }

  /** Reads all records. */
  async load(): Promise<void> {
    for (const entry of await readdir(this.#layout.records, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      try {
        checkKind(entry.name);
      } catch {
        this.#logger.warn(`'${this.#layout.kind(entry.name)}' holds no records and is ignored`);
        continue;
      }
      await this.#kind(entry.name).load();
    }
  }

  records<T>(kind: string): Records<T> {
    checkKind(kind);
    // What a kind holds is known to whoever names it.
    return this.#kind(kind) as FileRecords<T>;
  }

  async folder(name: string): Promise<string> {
    const path = this.#layout.named(name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async close(): Promise<void> {
    await this.log.close();
  }

  #kind(kind: string): FileRecords<unknown> {
    let records = this.#kinds.get(kind);
    if (records === undefined) {
      records = new FileRecords(kind, {
        layout: this.#layout,
        format: this.#format,
        log: this.#logger,
        now: this.#now,
      });
      this.#kinds.set(kind, records);
    }
    return records;
  }
}

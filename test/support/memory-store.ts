/** A store without a disk, for tests; several handles see the same, as processes on one folder do. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Blobs, Records, Store } from "../../src/store/store.ts";
import { MemoryBlobs, type MemoryBlobsDisk } from "./memory-blobs.ts";
import { MemoryLog, MemoryRecords, type RecordChain } from "./memory-records.ts";

export interface MemoryOptions {
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
  readonly graceMs?: number;
}

/** What the handles of one memory share. */
export class MemoryDisk implements MemoryBlobsDisk {
  readonly blobs: MemoryBlobsDisk["blobs"] = new Map();
  readonly uploads: MemoryBlobsDisk["uploads"] = new Map();
  readonly chains = new Map<string, Map<string, RecordChain>>();
  readonly log: string[] = [];
  readonly now: () => number;
  readonly graceMs: number;
  #folder: string | undefined;

  constructor(options: MemoryOptions = {}) {
    this.now = options.now ?? Date.now;
    this.graceMs = options.graceMs ?? 86_400_000;
  }

  open(): Store {
    return new MemoryStore(this);
  }

  /** For `path`, which must lead to bytes: made when somebody asks. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), "beamgate-memory-store-"));
    return this.#folder;
  }

  /** Removes what lies on the real disk. */
  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One handle on a disk of its own; `close` removes it. */
export function memoryStore(options: MemoryOptions = {}): Store {
  const disk = new MemoryDisk(options);
  return new MemoryStore(disk, () => disk.remove());
}

class MemoryStore implements Store {
  readonly blobs: Blobs;
  readonly log: MemoryLog;
  readonly #disk: MemoryDisk;
  readonly #onClose: () => void;
  readonly #kinds = new Map<string, MemoryRecords<unknown>>();

  constructor(disk: MemoryDisk, onClose: () => void = () => {}) {
    this.#disk = disk;
    this.#onClose = onClose;
    this.blobs = new MemoryBlobs(disk);
    this.log = new MemoryLog(disk.log);
  }

  records<T>(kind: string): Records<T> {
    const chains = this.#disk.chains.get(kind) ?? new Map<string, RecordChain>();
    this.#disk.chains.set(kind, chains);
    let records = this.#kinds.get(kind);
    if (records === undefined) {
      records = new MemoryRecords(chains, this.#disk.now);
      this.#kinds.set(kind, records);
    }
    return records as MemoryRecords<T>;
  }

  async folder(name: string): Promise<string> {
    const path = join(this.#disk.folder, "folders", name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async close(): Promise<void> {
    this.#onClose();
  }
}

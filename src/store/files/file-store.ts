/** A store in a folder that several processes of one user may share. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../logger.ts";
import type { AppendLog, Records, Store } from "../store.ts";
import { FileBlobs } from "./file-blobs.ts";
import { FileLog } from "./file-log.ts";
import { FileRecords } from "./file-records.ts";
import { prepareFolder } from "./format.ts";

export const AUDIT_FILE = "audit.jsonl";

export class FileStore implements Store {
  readonly blobs: FileBlobs;
  readonly log: AppendLog;
  readonly #folder: string;
  readonly #log: Logger;

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
    this.blobs = new FileBlobs(folder);
    this.log = new FileLog(join(folder, AUDIT_FILE));
  }

  /** @throws StatusError where the folder is a newer store, or something else */
  static async open(folder: string, log: Logger): Promise<FileStore> {
    await prepareFolder(folder);
    return new FileStore(folder, log);
  }

  records<T>(kind: string): Promise<Records<T>> {
    const folder = join(this.#folder, "records", kind);
    return FileRecords.open<T>(folder, join(this.#folder, "tmp"), this.#log);
  }

  async folder(name: string): Promise<string> {
    const path = join(this.#folder, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }
}

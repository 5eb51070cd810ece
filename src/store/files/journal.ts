/**
 * Which records changed, so that a process needs one look instead of one a record.
 *
 * A line is written *before* the commit that it announces: whatever is committed, every process has
 * read of it or will. An announcement whose commit is not there yet (or never comes, as the process died
 * between the two) stays open with the reader. Only a hint between processes that run: at start the truth
 * is read from the records themselves, so the journal is not synced to the disk.
 */
import { type FileHandle, open } from "node:fs/promises";
import { StatusError } from "../../errors.ts";
import { isErrno } from "./durable.ts";

const BLOCK_BYTES = 256 * 1024;

export class Journal {
  readonly #path: string;
  /** Read so far, of the file with inode `#inode`. */
  #offset = 0;
  #inode: bigint | undefined;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Generation `generation` of the record in `folder` is about to be committed. */
  async announce(folder: string, generation: number): Promise<void> {
    // The break in front ends a line that a full disk tore.
    const line = Buffer.from(`\n${folder} ${generation}\n`);
    const file = await open(this.#path, "a", 0o640);
    try {
      const { bytesWritten } = await file.write(line);
      if (bytesWritten < line.length) {
        throw new StatusError("RESOURCE_EXHAUSTED", "no space is left on the disk of the store");
      }
    } finally {
      await file.close();
    }
  }

  /**
   * @returns highest generation announced since the last call, by folder; undefined: somebody replaced the
   *   journal, everything must be read again
   */
  async read(): Promise<ReadonlyMap<string, number> | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.#path, "r");
    } catch (thrown) {
      if (!isErrno(thrown, "ENOENT")) throw thrown;
      if (this.#inode === undefined) return new Map();
      this.forget();
      return undefined;
    }
    try {
      const { ino, size } = await file.stat({ bigint: true });
      const replaced = this.#inode !== undefined && (ino !== this.#inode || size < this.#offset);
      if (replaced) {
        this.forget();
        return undefined;
      }
      this.#inode = ino;
      const announced = new Map<string, number>();
      while (this.#offset < size) await this.#readBlock(file, announced);
      return announced;
    } finally {
      await file.close();
    }
  }

  /** Begins at the start again. */
  forget(): void {
    this.#offset = 0;
    this.#inode = undefined;
    this.#rest = "";
  }

  async #readBlock(file: FileHandle, announced: Map<string, number>): Promise<void> {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, this.#offset);
    if (bytesRead === 0) throw new Error(`'${this.#path}' became shorter while it was read`);
    this.#offset += bytesRead;
    const lines = (this.#rest + block.toString("latin1", 0, bytesRead)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, folder, digits] = /^([^ ]+) ([1-9][0-9]{0,14})$/.exec(line) ?? [];
      if (folder === undefined) continue;
      announced.set(folder, Math.max(Number(digits), announced.get(folder) ?? 0));
    }
  }
}

/** `audit.jsonl`: one write an entry or group of them, so that those of several processes do not mix. */
import { constants, type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { StatusError } from "../../errors.ts";
import type { AppendLog } from "../store.ts";
import { asDiskError, isErrno, syncFolder } from "./durable.ts";

const BLOCK_BYTES = 64 * 1024;
/** What is longer is no entry of ours and is passed over. */
const LONGEST_LINE_BYTES = 4 * 2 ** 20;
const LINE_END = 0x0a;

interface Waiting {
  readonly line: Buffer;
  readonly done: () => void;
  readonly failed: (reason: unknown) => void;
}

export class FileLog implements AppendLog {
  readonly #path: string;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  append(entry: object): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    return new Promise((done, failed) => {
      this.#waiting.push({ line, done, failed });
      this.#writing ??= this.#writeGroups();
    });
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
    for await (const line of this.#linesBackwards()) {
      const entry = parseEntry(line);
      if (entry !== undefined) yield entry;
    }
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** What comes while a group is written makes the next one. */
  async #writeGroups(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(Buffer.concat(group.map(({ line }) => line)));
        for (const { done } of group) done();
      } catch (thrown) {
        for (const { failed } of group) failed(asDiskError(thrown, "the audit log was written"));
      }
    }
    this.#writing = undefined;
  }

  async #write(lines: Buffer): Promise<void> {
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
    const file = await open(this.#path, flags, 0o640);
    try {
      const { size } = await file.stat();
      const bytes = (await endsTorn(file, size))
        ? Buffer.concat([Buffer.from("\n"), lines])
        : lines;
      const { bytesWritten } = await file.write(bytes);
      await file.datasync();
      if (size === 0) await syncFolder(dirname(this.#path));
      // What is torn now is passed over by readers, and ended by the next entry.
      if (bytesWritten < bytes.length) {
        throw new StatusError(
          "RESOURCE_EXHAUSTED",
          `no space is left on the disk for '${this.#path}'; make room and try again`,
        );
      }
    } finally {
      await file.close();
    }
  }

  async *#linesBackwards(): AsyncGenerator<Buffer, void> {
    let file: FileHandle;
    try {
      file = await open(this.#path, "r");
    } catch (thrown) {
      if (isErrno(thrown, "ENOENT")) return;
      throw thrown;
    }
    try {
      const { size } = await file.stat();
      // The beginning of a line, of which the end was read before.
      let tail: Buffer[] = [];
      let tailBytes = 0;
      for (let end = size; end > 0; ) {
        const begin = Math.max(0, end - BLOCK_BYTES);
        const block = await readRange(file, begin, end);
        let lineEnd = block.length;
        for (let at = block.lastIndexOf(LINE_END); at >= 0; at = lastBefore(block, at)) {
          const first = block.subarray(at + 1, lineEnd);
          if (tailBytes <= LONGEST_LINE_BYTES) yield Buffer.concat([first, ...tail]);
          tail = [];
          tailBytes = 0;
          lineEnd = at;
        }
        tailBytes += lineEnd;
        if (tailBytes <= LONGEST_LINE_BYTES) tail.unshift(block.subarray(0, lineEnd));
        else tail = [];
        end = begin;
      }
      if (tailBytes <= LONGEST_LINE_BYTES) yield Buffer.concat(tail);
    } finally {
      await file.close();
    }
  }
}

function lastBefore(block: Buffer, at: number): number {
  return at === 0 ? -1 : block.lastIndexOf(LINE_END, at - 1);
}

async function readRange(file: FileHandle, begin: number, end: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(end - begin);
  const { bytesRead } = await file.read(block, 0, block.length, begin);
  return block.subarray(0, bytesRead);
}

async function endsTorn(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== LINE_END;
}

function parseEntry(line: Buffer): object | undefined {
  if (line.length === 0) return undefined;
  try {
    const entry: unknown = JSON.parse(line.toString("utf8"));
    return typeof entry === "object" && entry !== null ? entry : undefined;
  } catch {
    return undefined;
  }
}

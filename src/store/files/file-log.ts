/** One JSON object a line, appended by several processes: a line is one write. */
import { open } from "node:fs/promises";
import type { AppendLog } from "../store.ts";
import { toStoreError, writeDurably } from "./durable.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

export class FileLog implements AppendLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async append(entry: object): Promise<void> {
    try {
      const handle = await open(this.#path, "a", 0o600);
      try {
        // A line that was torn by a full disk ends here: the new one must not join it.
        const { size } = await handle.stat();
        const torn = size > 0 && (await lastByte(this.#path, size)) !== NEWLINE;
        await writeDurably(handle, Buffer.from(`${torn ? "\n" : ""}${JSON.stringify(entry)}\n`));
      } finally {
        await handle.close();
      }
    } catch (cause) {
      throw toStoreError(cause, this.#path);
    }
  }

  async read(limit: number, matches = (_: object) => true): Promise<readonly object[]> {
    const found: object[] = [];
    for await (const line of linesFromTheEnd(this.#path)) {
      if (found.length >= limit) break;
      const entry = parsed(line);
      if (entry !== undefined && matches(entry)) found.push(entry);
    }
    return found;
  }
}

async function lastByte(path: string, size: number): Promise<number | undefined> {
  const handle = await open(path, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0];
  } finally {
    await handle.close();
  }
}

/** undefined: torn, or not ours. */
function parsed(line: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function* linesFromTheEnd(path: string): AsyncIterable<Buffer> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    let at = (await handle.stat()).size;
    let rest: Buffer = Buffer.alloc(0);
    while (at > 0) {
      const length = Math.min(BLOCK_BYTES, at);
      at -= length;
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
      const block = Buffer.concat([buffer, rest]);
      let end = block.length;
      for (let newline = block.lastIndexOf(NEWLINE, end - 1); newline >= 0; ) {
        if (newline + 1 < end) yield block.subarray(newline + 1, end);
        end = newline;
        newline = end === 0 ? -1 : block.lastIndexOf(NEWLINE, end - 1);
      }
      rest = block.subarray(0, end);
    }
    if (rest.length > 0) yield rest;
  } finally {
    await handle.close();
  }
}

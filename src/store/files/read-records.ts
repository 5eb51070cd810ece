/** Everything of one kind, read from the disk: what a process does at its start. */
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../logger.ts";
import { isErrno } from "./durable.ts";
import { fileNameOf, generationOf, type RecordFile, readRecord } from "./record-file.ts";

export interface FoundRecord<T> {
  /** Name of the folder. */
  readonly folder: string;
  readonly generation: number;
  /** Text: why the newest generation cannot be read. */
  readonly record: RecordFile<T> | string;
}

/** Without a pause others wait no longer than this. */
const SLICE_MS = 20;

/**
 * Reads synchronously, in slices: ten thousand records take a quarter of the time that they take through
 * the thread pool. What is no record is left alone, with a warning that names it.
 */
export async function readRecords<T>(kindFolder: string, log: Logger): Promise<FoundRecord<T>[]> {
  const found: FoundRecord<T>[] = [];
  let sliceEnd = performance.now() + SLICE_MS;
  for (const entry of entriesOf(kindFolder)) {
    if (!entry.isDirectory()) {
      log.warn(`'${join(kindFolder, entry.name)}' is no record and is ignored`);
      continue;
    }
    const newest = readNewest<T>(kindFolder, entry.name, log);
    if (newest !== undefined) found.push(newest);
    if (performance.now() > sliceEnd) {
      await new Promise((resolve) => setImmediate(resolve));
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  return found;
}

function readNewest<T>(
  kindFolder: string,
  folder: string,
  log: Logger,
): FoundRecord<T> | undefined {
  const path = join(kindFolder, folder);
  let newest = 0;
  for (const name of readdirSync(path)) {
    const generation = generationOf(name);
    if (generation === undefined) log.warn(`'${join(path, name)}' is no record and is ignored`);
    else newest = Math.max(newest, generation);
  }
  // A folder without a generation: a first commit that did not come to its end.
  if (newest === 0) return undefined;
  try {
    const text = readFileSync(join(path, fileNameOf(newest)), "utf8");
    return { folder, generation: newest, record: readRecord(text, folder, newest) };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { folder, generation: newest, record: `cannot be read: ${reason}` };
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return [];
    throw thrown;
  }
}

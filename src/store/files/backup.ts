/** A copy of a store that others use meanwhile, and back again. */
import { createReadStream } from "node:fs";
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { FileBlobs } from "./file-blobs.ts";
import { AUDIT_FILE, FileStore } from "./file-store.ts";
import { formatOf, prepareFolder } from "./format.ts";

export interface CopyReport {
  readonly records: number;
  readonly blobs: number;
  readonly bytes: number;
}

const DIGESTS = /sha256:[0-9a-f]{64}/g;

/**
 * Records first: what they name was there before them, so the copy lacks nothing that they name.
 * @param target a folder that is empty or not there
 */
export async function backupStore(
  folder: string,
  target: string,
  log: Logger,
): Promise<CopyReport> {
  if ((await formatOf(folder)) === undefined) {
    throw new StatusError("NOT_FOUND", `'${folder}' is no store of models`);
  }
  return copyStore(folder, target, log);
}

/** @throws StatusError DATA_LOSS naming the blobs that have other bytes than their names say; nothing is kept then */
export async function restoreStore(
  source: string,
  folder: string,
  log: Logger,
): Promise<CopyReport> {
  if ((await formatOf(source).catch(() => undefined)) === undefined) {
    throw new StatusError("NOT_FOUND", `'${source}' is no backup of a store`);
  }
  return copyStore(source, folder, log);
}

async function copyStore(source: string, target: string, log: Logger): Promise<CopyReport> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  if ((await readdir(target)).length > 0) {
    throw new StatusError("FAILED_PRECONDITION", `'${target}' is not empty: name a new folder`);
  }
  try {
    return await copyInto(source, target, log);
  } catch (cause) {
    for (const name of await readdir(target)) {
      await rm(join(target, name), { recursive: true, force: true });
    }
    throw cause;
  }
}

async function copyInto(source: string, target: string, log: Logger): Promise<CopyReport> {
  await cp(join(source, "format.json"), join(target, "format.json"));
  const whole = { recursive: true, errorOnExist: true, force: false } as const;
  // What is pruned while it is copied was superseded.
  await copyRecords(join(source, "records"), join(target, "records"));
  for (const name of [AUDIT_FILE, "vendors"]) {
    await cp(join(source, name), join(target, name), whole).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    });
  }
  await prepareFolder(target);
  const [from, to] = [new FileBlobs(source), new FileBlobs(target)];
  const named = await namedIn(join(target, "records"), from);
  let bytes = 0;
  for (const digest of named) {
    const source = createReadStream(from.path(digest), { highWaterMark: 1024 * 1024 });
    const { sizeBytes } = await to.put(source, {
      maxBytes: Number.MAX_SAFE_INTEGER,
      expected: digest,
    });
    bytes += sizeBytes;
  }
  const store = await FileStore.open(target, log);
  const records = await store.records("models");
  return { records: records.all.size, blobs: named.length, bytes };
}

async function copyRecords(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyRecords(source, target);
    else {
      await cp(source, target).catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      });
    }
  }
}

/** Every blob that a record names and the store has; of verdicts and golden files, too. */
async function namedIn(folder: string, blobs: FileBlobs): Promise<readonly string[]> {
  const named = new Set<string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".json")) continue;
    const text = await readFile(join(entry.parentPath, entry.name), "utf8");
    for (const digest of text.match(DIGESTS) ?? []) named.add(digest);
  }
  const found: string[] = [];
  for (const digest of named) if (await blobs.has(digest)) found.push(digest);
  return found;
}

/** Copies a store while gateways go on working with it. */
import { createHash } from "node:crypto";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import {
  type BackupFile,
  backupContents,
  backupContentsPath,
  blobPath,
  copyHashed,
  LOG_FILE,
  RECORDS_FILE,
} from "./backup-layout.ts";
import { asDiskError, makeFolder, syncFolder, writeAll, writeDurably } from "./durable.ts";
import { KEPT_GENERATIONS } from "./file-records.ts";
import { FORMAT_VERSION, readFormat } from "./format.ts";
import { holdOffSweeps } from "./holds.ts";
import { Layout } from "./layout.ts";
import { namesIn, sizeOf } from "./look.ts";
import { fileNameOf, generationOf, PRUNED, readRecord } from "./record-file.ts";

export interface BackupReport {
  readonly at: string;
  /** Keys, of all kinds. */
  readonly records: number;
  readonly blobs: number;
  /** Of all blobs. */
  readonly bytes: number;
  /** Files of the store that are not what they should be: damaged blobs are left out, damaged records copied as they are. */
  readonly damaged: readonly string[];
}

/**
 * Every record is one that was current at some moment of the copy, and every blob that one names is there.
 * @param target missing or empty
 * @param folders of `Store.folder`, e.g. that with the signing keys, to be copied too
 * @throws StatusError FAILED_PRECONDITION: no store, an old one, or a target that is not empty
 */
export async function backupStore(
  folder: string,
  target: string,
  folders: readonly string[] = [],
): Promise<BackupReport> {
  const layout = new Layout(folder);
  await checkStore(layout);
  await checkEmpty(target);
  const sweeps = await holdOffSweeps(layout);
  try {
    await makeFolder(target);
    const at = new Date().toISOString();
    const damaged: string[] = [];
    // Blobs come last: those that a record names are older than it.
    const { keys, file } = await copyRecords(layout, target, damaged);
    const log = await copyLog(layout, target);
    const copied = await copyFolders(layout, target, folders);
    const blobs = await copyBlobs(layout, target, damaged);
    const contents = { at, records: file, log, blobs, folders: copied };
    await writeDurably(backupContentsPath(target), backupContents(contents));
    await syncFolder(target);
    const bytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { at, records: keys, blobs: blobs.length, bytes, damaged };
  } catch (thrown) {
    throw asDiskError(thrown, `'${target}' was written`);
  } finally {
    await sweeps.release();
  }
}

async function checkStore(layout: Layout): Promise<void> {
  const version = await readFormat(layout);
  if (version === FORMAT_VERSION) return;
  throw new StatusError(
    "FAILED_PRECONDITION",
    version === undefined
      ? `'${layout.root}' is no store`
      : `the store '${layout.root}' has format ${version}; start a gateway on it once, that upgrades it to ${FORMAT_VERSION}`,
  );
}

/** @throws StatusError FAILED_PRECONDITION */
export async function checkEmpty(target: string): Promise<void> {
  const names = await namesIn(target);
  if (names.length === 0) return;
  throw new StatusError(
    "FAILED_PRECONDITION",
    `'${target}' is not empty ('${names[0]}'); name a folder that is, or that is not there yet`,
  );
}

async function copyRecords(layout: Layout, target: string, damaged: string[]) {
  const hash = createHash("sha256");
  const out = await open(join(target, RECORDS_FILE), "wx", 0o640);
  let keys = 0;
  try {
    for (const kind of await namesIn(layout.records)) {
      for (const folder of await namesIn(layout.kind(kind))) {
        const generations = await generationsIn(layout, kind, folder, damaged);
        if (generations.length > 0) keys++;
        for (const { generation, text } of generations) {
          const line = Buffer.from(`${JSON.stringify({ kind, folder, generation, text })}\n`);
          hash.update(line);
          await writeAll(out, line);
        }
      }
    }
    await out.sync();
  } finally {
    await out.close();
  }
  return { keys, file: { path: RECORDS_FILE, digest: `sha256:${hash.digest("hex")}` } };
}

/** Those that can be read, and the newest. */
async function generationsIn(layout: Layout, kind: string, folder: string, damaged: string[]) {
  const parent = join(layout.kind(kind), folder);
  for (;;) {
    const numbers = (await namesIn(parent)).flatMap((name) => generationOf(name) ?? []);
    const newest = Math.max(0, ...numbers);
    const found: { generation: number; text: string }[] = [];
    for (const generation of numbers.toSorted((a, b) => a - b).slice(-KEPT_GENERATIONS)) {
      const text = await readFile(join(parent, fileNameOf(generation)), "utf8");
      if (text !== PRUNED || generation === newest) found.push({ generation, text });
    }
    const last = found.at(-1);
    if (last === undefined) return [];
    // So many were committed meanwhile that it is emptied already: there are newer ones.
    if (
      last.text === PRUNED &&
      (await sizeOf(join(parent, fileNameOf(newest + 1)))) !== undefined
    ) {
      continue;
    }
    for (const { generation, text } of found) {
      const record = readRecord(text, folder, generation);
      const path = join(parent, fileNameOf(generation));
      if (typeof record === "string") damaged.push(`'${path}' ${record}`);
    }
    return found;
  }
}

async function copyLog(layout: Layout, target: string): Promise<BackupFile> {
  const size = await sizeOf(layout.log);
  const to = join(target, LOG_FILE);
  if (size === undefined) {
    await writeDurably(to, "");
    return { path: LOG_FILE, digest: `sha256:${createHash("sha256").digest("hex")}` };
  }
  return { path: LOG_FILE, digest: await copyHashed(layout.log, to, { bytes: size }) };
}

async function copyFolders(layout: Layout, target: string, names: readonly string[]) {
  const copied: (BackupFile & { readonly mode: number })[] = [];
  for (const name of names) {
    const from = layout.named(name);
    for (const entry of await filesUnder(from)) {
      const path = join("folders", name, entry);
      const mode = (await stat(join(from, entry))).mode & 0o777;
      const digest = await copyHashed(join(from, entry), join(target, path), { mode });
      copied.push({ path, digest, mode });
    }
  }
  return copied;
}

async function copyBlobs(layout: Layout, target: string, damaged: string[]) {
  const blobs: { digest: string; sizeBytes: number }[] = [];
  for (const shard of await namesIn(layout.blobs)) {
    for (const hex of await namesIn(join(layout.blobs, shard))) {
      if (!/^[0-9a-f]{64}$/.test(hex)) continue;
      const digest = `sha256:${hex}`;
      const to = join(target, blobPath(hex));
      try {
        await copyHashed(layout.blob(hex), to, { expected: digest, mode: 0o444 });
        blobs.push({ digest, sizeBytes: (await sizeOf(to)) ?? 0 });
      } catch (thrown) {
        if (!(thrown instanceof StatusError) || thrown.code !== "DATA_LOSS") throw thrown;
        damaged.push(thrown.message);
      }
    }
  }
  return blobs;
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** A store from a backup, into an empty folder, every byte checked. */
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { StatusError } from "../../errors.ts";
import { checkEmpty } from "./backup.ts";
import {
  type BackupContents,
  type BackupRecord,
  blobPath,
  copyHashed,
  readBackupContents,
} from "./backup-layout.ts";
import { asDiskError, makeFolder, syncFolder, writeDurably } from "./durable.ts";
import { replaceFormat } from "./format.ts";
import { checkKind, hexOf, Layout } from "./layout.ts";
import { fileNameOf } from "./record-file.ts";

export interface RestoreReport {
  /** When the backup was made. */
  readonly at: string;
  readonly records: number;
  readonly blobs: number;
  readonly bytes: number;
}

/**
 * All or nothing: the folder becomes a store when everything is there, and is emptied again otherwise.
 * @param folder missing or empty
 * @throws StatusError FAILED_PRECONDITION: no backup, or a folder that is not empty; DATA_LOSS naming a file of the
 *   backup that is not what it was
 */
export async function restoreStore(source: string, folder: string): Promise<RestoreReport> {
  const contents = await readBackupContents(source);
  await checkEmpty(folder);
  const layout = new Layout(folder);
  try {
    await makeFolder(layout.temporary);
    const records = await restoreRecords(source, contents, layout);
    const log = join(source, contents.log.path);
    await copyHashed(log, layout.log, { expected: contents.log.digest });
    for (const { path, digest, mode } of contents.folders) {
      await mkdir(dirname(placeOf(layout, path)), { recursive: true, mode: 0o700 });
      await copyHashed(join(source, path), placeOf(layout, path), { expected: digest, mode });
    }
    let bytes = 0;
    for (const { digest, sizeBytes } of contents.blobs) {
      const hex = hexOf(digest);
      const from = join(source, blobPath(hex));
      await copyHashed(from, layout.blob(hex), { expected: digest, mode: 0o444 });
      await syncFolder(layout.shard(hex));
      bytes += sizeBytes;
    }
    await replaceFormat(layout, contents.format);
    return { at: contents.at, records, blobs: contents.blobs.length, bytes };
  } catch (thrown) {
    await emptyFolder(folder);
    throw asDiskError(thrown, `'${folder}' was written`);
  }
}

/** @returns keys */
async function restoreRecords(
  source: string,
  { records }: BackupContents,
  layout: Layout,
): Promise<number> {
  // Checked as a whole before a line of it is believed.
  const checked = layout.newTemporary("records");
  await copyHashed(join(source, records.path), checked, { expected: records.digest });
  const folders = new Set<string>();
  const lines = createInterface({ input: createReadStream(checked), crlfDelay: Infinity });
  for await (const line of lines) {
    const { kind, folder, generation, text } = JSON.parse(line) as BackupRecord;
    checkKind(kind);
    if (folder.includes("/") || folder.startsWith(".")) {
      throw new StatusError("DATA_LOSS", `'${folder}' is not the name of a record`);
    }
    const path = join(layout.kind(kind), folder);
    if (!folders.has(path)) await makeFolder(path);
    folders.add(path);
    await writeDurably(join(path, fileNameOf(generation)), text);
  }
  for (const path of folders) await syncFolder(path);
  await rm(checked);
  return folders.size;
}

/** `folders/<name>/…` of the backup, in the store. */
function placeOf(layout: Layout, path: string): string {
  const [top, name = "", ...rest] = path.split("/");
  if (top !== "folders" || rest.length === 0 || rest.some((part) => part === ".." || part === "")) {
    throw new StatusError("DATA_LOSS", `the backup names a file '${path}' outside its folders`);
  }
  return join(layout.named(name), ...rest);
}

async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

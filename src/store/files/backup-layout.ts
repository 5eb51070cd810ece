/**
 * What a backup is: a folder that is no store, so that nobody opens it by mistake.
 *
 *     backup.json            what there is, with digests; written last: a folder without it is no backup
 *     records.jsonl          a generation a line
 *     audit.jsonl            the log
 *     blobs/sha256/ab/<hex>  as in the store
 *     folders/<name>/        folders of other rooms that were asked for
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StatusError } from "../../errors.ts";
import { isErrno, makeFolder } from "./durable.ts";
import { FORMAT_VERSION } from "./format.ts";
import { pour } from "./hashed-file.ts";

const BACKUP = "beamgate-backup";

export interface BackupContents {
  readonly backup: typeof BACKUP;
  /** Of the store. */
  readonly format: number;
  readonly at: string;
  readonly records: BackupFile;
  readonly log: BackupFile;
  readonly blobs: readonly { readonly digest: string; readonly sizeBytes: number }[];
  readonly folders: readonly (BackupFile & { readonly mode: number })[];
}

/** Path in the backup, and its digest. */
export interface BackupFile {
  readonly path: string;
  readonly digest: string;
}

/** A line of records.jsonl. */
export interface BackupRecord {
  readonly kind: string;
  readonly folder: string;
  readonly generation: number;
  readonly text: string;
}

export const backupContentsPath = (backup: string) => join(backup, "backup.json");
export const RECORDS_FILE = "records.jsonl";
export const LOG_FILE = "audit.jsonl";
export const blobPath = (hex: string) => join("blobs", "sha256", hex.slice(0, 2), hex);

export function backupContents(contents: Omit<BackupContents, "backup" | "format">): string {
  return `${JSON.stringify({ backup: BACKUP, format: FORMAT_VERSION, ...contents })}\n`;
}

/** @throws StatusError FAILED_PRECONDITION for a folder that is no backup, and one of a newer format */
export async function readBackupContents(backup: string): Promise<BackupContents> {
  const path = backupContentsPath(backup);
  let contents: BackupContents;
  try {
    contents = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = isErrno(cause, "ENOENT")
      ? "there is no backup.json: it is none, or was cut off before its end"
      : String(cause);
    throw new StatusError("FAILED_PRECONDITION", `'${backup}' is no backup: ${reason}`, { cause });
  }
  if (contents.backup !== BACKUP) {
    throw new StatusError("FAILED_PRECONDITION", `'${path}' does not tell of a backup`);
  }
  if (contents.format > FORMAT_VERSION) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `the backup '${backup}' has format ${contents.format}, this beamgate knows up to ${FORMAT_VERSION}; use a newer one`,
    );
  }
  return contents;
}

/** Copies durably. What does not have the digest that it should is not kept. @returns that it has */
export async function copyHashed(
  from: string,
  to: string,
  options: { readonly expected?: string; readonly bytes?: number; readonly mode?: number } = {},
): Promise<string> {
  await makeFolder(dirname(to));
  const hash = createHash("sha256");
  const file: FileHandle = await open(to, "wx", 0o600);
  try {
    // `end` is the last byte that is read.
    const range = options.bytes === undefined ? {} : { end: Math.max(0, options.bytes - 1) };
    const source = createReadStream(from, { highWaterMark: 1024 * 1024, ...range });
    if (options.bytes !== 0) await pour(source, { file, hash }, Number.MAX_SAFE_INTEGER);
    const digest = `sha256:${hash.digest("hex")}`;
    if (options.expected !== undefined && digest !== options.expected) {
      throw new StatusError(
        "DATA_LOSS",
        `'${from}' has digest ${digest}, ${options.expected} was expected`,
      );
    }
    await file.chmod(options.mode ?? 0o640);
    await file.sync();
    return digest;
  } catch (thrown) {
    await unlink(to).catch(() => undefined);
    throw thrown;
  } finally {
    await file.close();
  }
}

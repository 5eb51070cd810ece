/** Files that are whole and on the disk, or not there at all. */
import { constants, type FileHandle, link, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { StatusError } from "../../errors.ts";

/** A folder's entries are durable after this, not before. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes `path` and what is missing above it, durably. @returns whether it was missing */
export async function makeFolder(path: string, mode = 0o750): Promise<boolean> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return false;
  // The entry of every folder that was made lies in the one above it.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
  return true;
}

/** Writes a file that must not exist; what could not be written as a whole is removed again. */
export async function writeDurably(path: string, bytes: string | Uint8Array, mode = 0o640) {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (thrown) {
    await unlink(path).catch(() => undefined);
    throw thrown;
  } finally {
    await file.close();
  }
}

/** @returns false: the name is taken */
export async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "EEXIST")) return false;
    throw thrown;
  }
}

/** All of `bytes` at the file's position. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

/** A full disk in the words of whoever can make room; anything else as it is. */
export function asDiskError(thrown: unknown, doing: string): unknown {
  if (isErrno(thrown, "ENOSPC", "EDQUOT", "EFBIG")) {
    return new StatusError(
      "RESOURCE_EXHAUSTED",
      `no space is left on the disk of the store while ${doing}; make room and try again`,
      { cause: thrown },
    );
  }
  if (isErrno(thrown, "EROFS", "EACCES", "EPERM")) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new StatusError(
      "FAILED_PRECONDITION",
      `the store cannot be written while ${doing}: ${reason}; give this user the right to write there`,
      { cause: thrown },
    );
  }
  return thrown;
}

export function isErrno(thrown: unknown, ...codes: readonly string[]): boolean {
  return thrown instanceof Error && "code" in thrown && codes.includes(String(thrown.code));
}

/** Files that are whole or not there, also after a power cut. */
import { constants, type FileHandle, link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { StatusError } from "../../errors.ts";

/** A name in a folder is as durable as the folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Gives a finished file its name, unless the name is taken.
 * @returns false: it was taken
 */
export async function linkNew(made: string, path: string): Promise<boolean> {
  try {
    await link(made, path);
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw toStoreError(cause, path);
  } finally {
    await rm(made, { force: true }).catch(() => undefined);
  }
  await syncFolder(dirname(path));
  return true;
}

/** Writes all of it, at the end of the file. */
export async function writeDurably(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  await handle.writeFile(bytes);
  await handle.sync();
}

export function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}

const FULL = ["ENOSPC", "EDQUOT", "EFBIG"];

/** In our words, for whoever asked for it. */
export function toStoreError(thrown: unknown, path: string): Error {
  if (thrown instanceof StatusError) return thrown;
  const code = codeOf(thrown);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (FULL.includes(code)) {
    const text = `the store has no room for '${path}': ${reason}; free some, nothing was changed`;
    return new StatusError("RESOURCE_EXHAUSTED", text, { cause: thrown });
  }
  return new StatusError("INTERNAL", `the store cannot write '${path}': ${reason}`, {
    cause: thrown,
  });
}

/** What lies on the disk; nothing, where it is gone. */
import { readdir, stat } from "node:fs/promises";
import { isErrno } from "./durable.ts";

export async function namesIn(folder: string): Promise<string[]> {
  return (await unlessGone(readdir(folder))) ?? [];
}

export async function sizeOf(path: string): Promise<number | undefined> {
  return (await unlessGone(stat(path)))?.size;
}

/** Last change of the content, wall clock, ms. */
export async function touchedAt(path: string): Promise<number | undefined> {
  return (await unlessGone(stat(path)))?.mtimeMs;
}

async function unlessGone<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    throw thrown;
  }
}

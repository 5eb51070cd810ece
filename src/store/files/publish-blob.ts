/** A written file becomes a blob. */
import { type FileHandle, rename, unlink, utimes } from "node:fs/promises";
import { isErrno, linkNew, makeFolder, syncFolder } from "./durable.ts";
import type { Layout } from "./layout.ts";
import { sizeOf } from "./look.ts";

const READ_ONLY = 0o444;

/**
 * Gives `path` its place under its content. Where the same bytes are already, those stay and `path` goes.
 * @param file `path`, open; everything is written
 * @param now wall clock, ms
 */
export async function publishBlob(
  layout: Layout,
  hex: string,
  path: string,
  file: FileHandle,
  now: number,
): Promise<void> {
  const blob = layout.blob(hex);
  await file.chmod(READ_ONLY);
  // The last write may be long ago: the grace time begins now.
  await file.utimes(now / 1000, now / 1000);
  await file.sync();
  const { size } = await file.stat();
  await makeFolder(layout.shard(hex));
  while (!(await linkNew(path, blob))) {
    const there = await sizeOf(blob);
    // Swept between the two: the link is tried again.
    if (there === undefined) continue;
    if (there === size && (await touch(blob, now)) === "touched") {
      await unlink(path);
      return;
    }
    // Cut short from outside, or another user's: the bytes at hand take its place.
    await rename(path, blob);
    await syncFolder(layout.shard(hex));
    return;
  }
  await syncFolder(layout.shard(hex));
  await unlink(path);
}

/** Lets the grace time of a blob begin anew. */
export async function touch(blob: string, now: number): Promise<"touched" | "gone" | "refused"> {
  try {
    await utimes(blob, now / 1000, now / 1000);
    return "touched";
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return "gone";
    if (isErrno(thrown, "EROFS", "EPERM", "EACCES")) return "refused";
    throw thrown;
  }
}

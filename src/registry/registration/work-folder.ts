/** Files of the store under the names by which they know each other, for the time of a reading. */
import { constants, copyFile, link, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * @param files path in the folder, and where the bytes lie
 * @throws what `use` throws
 */
export async function withWorkFolder<T>(
  workFolder: () => Promise<string>,
  files: readonly (readonly [path: string, lies: string])[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(await workFolder(), "reading-"));
  try {
    for (const [path, lies] of files) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await linkOrCopy(lies, target);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A symbolic link would lead out of the folder, which readers refuse. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  }
}

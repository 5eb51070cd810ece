/**
 * A version's folder on this host: small files as they are, and links to the bytes in the store. Symbolic ones: a
 * hard link would change the ctime of the file, by which everybody who shares the store sees whether it was touched.
 */
import { constants } from "node:fs";
import { copyFile, mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Digest } from "../catalog/types.ts";
import type { VersionPlan } from "./plan.ts";

/** File systems that can let two files share their bytes until one is written to. */
const SHARED = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;

let made = 0;

/**
 * Writes `<root>/<key>/<model>/...`, all or nothing; what is there already has the same content.
 * @param blobPath where the bytes of a digest lie
 * @returns the model's folder
 */
export async function writeVersion(
  root: string,
  model: string,
  { key, version, files }: VersionPlan,
  blobPath: (digest: Digest) => string,
): Promise<string> {
  const folder = join(root, key);
  const found = join(folder, model);
  if (await exists(found)) return found;
  const unfinished = join(root, `.new-${++made}`);
  try {
    const home = join(unfinished, model);
    await mkdir(join(home, version), { recursive: true, mode: 0o700 });
    for (const file of files) {
      const target = join(home, file.path);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      if ("text" in file) await writeFile(target, file.text, { mode: 0o600 });
      else if (file.copied === true) await copyFile(blobPath(file.blob), target, SHARED);
      else await symlink(blobPath(file.blob), target);
    }
    await rename(unfinished, folder);
  } catch (thrown) {
    await rm(unfinished, { recursive: true, force: true });
    throw thrown;
  }
  return found;
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

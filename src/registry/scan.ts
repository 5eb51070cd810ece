/**
 * Triton's repository layout: `<root>/<model>/<version>/`. Reads folder names
 * only and never writes: a root may be a read-only network file system. Links
 * are followed (CVMFS consists of them).
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ConfigVersionPolicy } from "./model-config.ts";

/** Folders of Triton's layout beside the version folders. */
const OTHER_FOLDERS = new Set(["warmup", "initial_state", "configs"]);
const LARGEST_VERSION = 2n ** 63n - 1n;

/**
 * Model name to the folders that claim it; more than one folder is a conflict.
 * @throws StatusError UNAVAILABLE where a root is no folder
 */
export async function scanRoots(
  roots: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const models = new Map<string, string[]>();
  for (const root of roots) {
    for (const name of await subfolders(root, rootMissing)) {
      // A repository under version control: `.git` is not a model.
      if (name.startsWith(".")) continue;
      const folder = join(root, name);
      if (!(await looksLikeModel(folder))) continue;
      const folders = models.get(name);
      if (folders === undefined) models.set(name, [folder]);
      else folders.push(folder);
    }
  }
  return models;
}

/** The folders that claim one model; more than one is a conflict. */
export async function findModel(
  roots: readonly string[],
  name: string,
): Promise<readonly string[]> {
  const folders = roots.map((root) => join(root, name));
  const found = await Promise.all(
    folders.map((folder) =>
      stat(folder).then(
        (facts) => facts.isDirectory(),
        () => false,
      ),
    ),
  );
  return folders.filter((_, index) => found[index]);
}

/**
 * False for a folder that nobody meant as a model (scripts, documents): it has no
 * configuration, no version and no file of a model. One that was meant as a model
 * and is wrong is kept, so that the index can say why. Unreadable: kept, too.
 */
async function looksLikeModel(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined || names.length === 0) return true;
  return names.some(
    (name) => /^(config\.pbtxt|configs|model\..*)$/.test(name) || /^[0-9]+$/.test(name),
  );
}

function rootMissing(root: string, cause: unknown): StatusError {
  return new StatusError(
    "UNAVAILABLE",
    `failed to poll model repository '${root}': the repository path is not a valid directory`,
    { cause },
  );
}

/** Version folders, newest first. Others are ignored with a warning, as in Triton. */
export async function versionFolders(folder: string, log: Logger): Promise<readonly string[]> {
  const names = await subfolders(
    folder,
    (_, cause) =>
      new StatusError("UNAVAILABLE", `the model folder '${folder}' cannot be read`, { cause }),
  );
  const versions: bigint[] = [];
  for (const name of names) {
    if (OTHER_FOLDERS.has(name) || name.startsWith(".")) continue;
    if (/^0[0-9]/.test(name)) {
      log.warn(`ignore version directory '${name}' which contains leading zeros`, { folder });
    } else if (!/^[0-9]{1,19}$/.test(name) || BigInt(name) > LARGEST_VERSION) {
      log.warn(`ignore version directory '${name}' which is not an integral number`, { folder });
    } else versions.push(BigInt(name));
  }
  return versions.sort((a, b) => (a < b ? 1 : -1)).map(String);
}

/**
 * The versions that a policy serves, newest first.
 * @param existing newest first
 */
export function versionsToServe(
  existing: readonly string[],
  policy: ConfigVersionPolicy | undefined,
  model: string,
  log: Logger,
): readonly string[] {
  if (policy?.specific !== undefined) {
    const wanted = new Set(policy.specific.versions ?? []);
    for (const version of wanted) {
      if (existing.includes(version)) continue;
      log.error(
        `version ${version} is specified for model '${model}', but the version directory is not present`,
      );
    }
    return existing.filter((version) => wanted.has(version));
  }
  if (policy?.all !== undefined) return existing;
  // A block `latest {}` without a number serves none in Triton; one is what its author means.
  return existing.slice(0, policy?.latest?.num_versions ?? 1);
}

async function subfolders(
  folder: string,
  failure: (folder: string, cause: unknown) => StatusError,
): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw failure(folder, cause);
  });
  const isFolder = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isSymbolicLink()) return entry.isDirectory();
      // A link that leads nowhere is left out, like a file.
      return stat(join(folder, entry.name)).then(
        (target) => target.isDirectory(),
        () => false,
      );
    }),
  );
  return entries
    .filter((_, index) => isFolder[index])
    .map((entry) => entry.name)
    .sort();
}

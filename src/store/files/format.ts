/** Which layout a store has, and how an older one becomes the one of today. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import { tryLock } from "./lock-file.ts";

/** Of this program. */
export const FORMAT = 1;
const FILE = "format.json";
const FOLDERS = ["blobs", "records", "tmp", "uploads"];
const LOCK_TRIES = 100;
const LOCK_WAIT_MS = 100;

/**
 * Steps by the version they start from. Each may be repeated after it was interrupted.
 * 0: the layout of the first trials, with the records of models in `models/`.
 */
const UPGRADES: Readonly<Record<number, (folder: string) => Promise<void>>> = {
  0: async (folder) => {
    await mkdir(join(folder, "records"), { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    if (names.includes("models")) {
      await rename(join(folder, "models"), join(folder, "records", "models"));
    }
  },
};

/**
 * Makes a store of an empty folder, and one of today of an older store.
 * @throws StatusError FAILED_PRECONDITION for a newer store, or a folder of something else
 */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await formatOf(folder);
  if (found !== FORMAT) await upgraded(folder);
  for (const name of FOLDERS) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
}

async function upgraded(folder: string): Promise<void> {
  const lock = join(folder, "upgrade.lock");
  for (let attempt = 0; attempt < LOCK_TRIES; attempt += 1) {
    const unlock = await tryLock(lock);
    if (unlock === undefined) {
      await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS));
      continue;
    }
    try {
      return await upgradeAlone(folder);
    } finally {
      await unlock();
    }
  }
  throw new StatusError("UNAVAILABLE", `another process is upgrading the store '${folder}'`);
}

async function upgradeAlone(folder: string): Promise<void> {
  const found = await formatOf(folder);
  for (let version = found ?? FORMAT; version < FORMAT; version += 1) {
    await UPGRADES[version]?.(folder);
    await write(folder, version + 1);
  }
  if (found === undefined) await write(folder, FORMAT);
}

/** undefined: an empty folder. */
export async function formatOf(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, FILE), "utf8").catch(() => undefined);
  if (text === undefined) {
    const names = (await readdir(folder)).filter((name) => name !== "upgrade.lock");
    if (names.length === 0 || names.every((name) => FOLDERS.includes(name))) return undefined;
    const text = `'${folder}' is no store of models, and not empty: it has ${names.slice(0, 3).join(", ")}`;
    throw new StatusError("FAILED_PRECONDITION", `${text}; name an empty or a new folder`);
  }
  const { format } = parsed(text) as { readonly format?: unknown };
  if (typeof format !== "number" || !Number.isInteger(format) || format < 0) {
    throw new StatusError("FAILED_PRECONDITION", `'${join(folder, FILE)}' is damaged`);
  }
  if (format <= FORMAT) return format;
  throw new StatusError(
    "FAILED_PRECONDITION",
    `the store '${folder}' has format ${format}, this program knows up to ${FORMAT}: use a newer one`,
  );
}

async function write(folder: string, format: number): Promise<void> {
  const made = join(folder, `${FILE}.new`);
  await writeFile(made, `${JSON.stringify({ format })}\n`, { mode: 0o600, flush: true });
  await rename(made, join(folder, FILE));
  await rm(made, { force: true });
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

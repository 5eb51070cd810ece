/** `format.json`: which layout the folder has, and nobody who does not know it touches it. */
import { readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import { isErrno, linkNew, makeFolder, syncFolder, writeDurably } from "./durable.ts";
import type { Layout } from "./layout.ts";

export const FORMAT = "beamgate-store";
/** The layout that `layout.ts` draws. */
export const FORMAT_VERSION = 1;

/**
 * @returns undefined: there is no store, and the folder is free to become one
 * @throws StatusError FAILED_PRECONDITION for a folder with something else in it, and a newer store
 */
export async function readFormat(layout: Layout): Promise<number | undefined> {
  let text = await readIfThere(layout.format);
  if (text === undefined) {
    const foreign = await foreignNameIn(layout);
    if (foreign === undefined) return undefined;
    // Another process makes a store here just now: `format.json` is older than anything beside it.
    text = await readIfThere(layout.format);
    if (text === undefined) throw noStore(layout, foreign);
  }
  const version = versionIn(text);
  if (version === undefined) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `'${layout.format}' does not say which format the store has; restore it from a backup (it holds ${formatText(FORMAT_VERSION).trim()})`,
    );
  }
  if (version > FORMAT_VERSION) throw newer(layout, version);
  return version;
}

/** Makes an empty store. Whoever is second finds that of the first. */
export async function createFormat(layout: Layout): Promise<void> {
  await makeFolder(layout.temporary);
  const temporary = layout.newTemporary("format");
  await writeDurably(temporary, formatText(FORMAT_VERSION));
  try {
    await linkNew(temporary, layout.format);
  } finally {
    await unlink(temporary);
  }
  await syncFolder(layout.root);
}

export async function replaceFormat(layout: Layout, version: number): Promise<void> {
  const temporary = layout.newTemporary("format");
  await writeDurably(temporary, formatText(version));
  await rename(temporary, layout.format);
  await syncFolder(layout.root);
}

/** Notices that another process upgraded the store under this one. */
export class FormatWatch {
  readonly #layout: Layout;
  #inode: bigint | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** @throws StatusError FAILED_PRECONDITION: this process must not write any more */
  async check(): Promise<void> {
    const { ino } = await stat(this.#layout.format, { bigint: true }).catch((cause: unknown) => {
      if (!isErrno(cause, "ENOENT")) throw cause;
      throw new StatusError(
        "FAILED_PRECONDITION",
        `'${this.#layout.format}' is gone: somebody removed the store or moved it away; put it back`,
        { cause },
      );
    });
    if (ino === this.#inode) return;
    const version = versionIn(await readFile(this.#layout.format, "utf8"));
    if (version !== FORMAT_VERSION) throw newer(this.#layout, version ?? Number.NaN);
    this.#inode = ino;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return undefined;
    throw thrown;
  }
}

/** What is there before `format.json` is, or comes with a file system, is not foreign. */
async function foreignNameIn(layout: Layout): Promise<string | undefined> {
  let names: string[];
  try {
    names = await readdir(layout.root);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return undefined;
    throw thrown;
  }
  return names.find(
    (name) =>
      !name.startsWith(".") &&
      name !== "lost+found" &&
      join(layout.root, name) !== layout.temporary,
  );
}

function noStore(layout: Layout, foreign: string): StatusError {
  return new StatusError(
    "FAILED_PRECONDITION",
    `'${layout.root}' is no store (there is no format.json) and not empty ('${foreign}'); name a store or an empty folder`,
  );
}

function newer(layout: Layout, version: number): StatusError {
  return new StatusError(
    "FAILED_PRECONDITION",
    `the store '${layout.root}' has format ${version}, this beamgate knows up to ${FORMAT_VERSION}; ` +
      "start a newer beamgate, or restore a backup that an older one made",
  );
}

function formatText(version: number): string {
  return `${JSON.stringify({ format: FORMAT, version })}\n`;
}

function versionIn(text: string): number | undefined {
  try {
    const { format, version } = JSON.parse(text) as { format?: unknown; version?: unknown };
    return format === FORMAT && Number.isInteger(version) && Number(version) >= 0
      ? Number(version)
      : undefined;
  } catch {
    return undefined;
  }
}

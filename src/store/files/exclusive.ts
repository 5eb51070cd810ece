/**
 * At most one holder, also between processes, and one that died holds nothing.
 *
 * A folder of numbered files: whoever links the next number is the holder, and lets go by emptying its file,
 * for which there is room on a full disk, too. Numbers are never used again, so nobody can take what somebody
 * else took over before.
 */
import { readdir, readFile, stat, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { linkNew, makeFolder } from "./durable.ts";
import type { Layout } from "./layout.ts";
import { isOwner, lives, newOwner, type Owner, SIGN_OF_LIFE_MS } from "./owner.ts";

export interface Held {
  release(): Promise<void>;
  /** In place of `release`, where the folder was removed: a new one of that name is somebody else's. */
  forget(): void;
}

/** @returns what ends it; or whoever holds it now */
export async function hold(
  layout: Layout,
  folder: string,
): Promise<{ readonly held: Held } | { readonly holder: Owner }> {
  await makeFolder(folder);
  for (;;) {
    const number = Math.max(0, ...(await numbersIn(folder)));
    const holder = number === 0 ? undefined : await holderOf(join(folder, String(number)));
    if (holder !== undefined) return { holder };
    const mine = number + 1;
    if (!(await take(layout, folder, mine, JSON.stringify(newOwner())))) continue;
    return { held: holding(join(folder, String(mine))) };
  }
}

function holding(file: string): Held {
  const signs = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, SIGN_OF_LIFE_MS);
  signs.unref();
  return {
    forget: () => clearInterval(signs),
    async release() {
      clearInterval(signs);
      // Where it was taken over meanwhile a higher number counts.
      await truncate(file);
    },
  };
}

/** @returns false: somebody else has this number */
async function take(layout: Layout, folder: string, number: number, text: string) {
  const temporary = layout.newTemporary("lock");
  await writeFile(temporary, text, { flag: "wx" });
  try {
    return await linkNew(temporary, join(folder, String(number)));
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function holderOf(file: string): Promise<Owner | undefined> {
  const [text, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
  const owner = parseOwner(text);
  return owner !== undefined && lives(owner, Date.now() - mtimeMs) ? owner : undefined;
}

/** undefined: nobody, or a file that somebody else has spoilt. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isOwner(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).filter((name) => /^[1-9][0-9]{0,14}$/.test(name)).map(Number);
}

/** Where the generations of a record lie: `<kind>/<key>/<generation>.json`. */
import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StatusError } from "../../errors.ts";
import type { Versioned } from "../store.ts";

/** Safe as the name of a file, and no two keys have the same: what is not plain is written %XX. */
export function fileNameOf(key: string): string {
  const escaped = encodeURIComponent(key).replace(/[!'()*~]|^\.+/g, (text) =>
    [...text].map((c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).join(""),
  );
  if (escaped !== "" && escaped.length <= 255) return escaped;
  const text = `a name of ${key.length} characters: its file's name would have ${escaped.length}, at most 255`;
  throw new StatusError("INVALID_ARGUMENT", text);
}

/** undefined: a file of somebody else. */
export function keyOf(fileName: string): string | undefined {
  try {
    const key = decodeURIComponent(fileName);
    return fileNameOf(key) === fileName ? key : undefined;
  } catch {
    return undefined;
  }
}

const GENERATION = /^([1-9]\d{0,14})\.json$/;

/** Oldest first. */
export function generationsIn(names: readonly string[]): number[] {
  return names
    .flatMap((name) => GENERATION.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export const generationFile = (folder: string, generation: number) =>
  join(folder, `${generation}.json`);

export async function generationsOf(folder: string): Promise<number[]> {
  return generationsIn(await readdir(folder).catch(() => []));
}

export function recordText<T>({ generation, at, value }: Versioned<T>): string {
  return `${JSON.stringify({ generation, at, value: value ?? null })}\n`;
}

/** @throws for what is no record of this generation */
export function parseRecord<T>(text: string, generation: number): Versioned<T> {
  const read = JSON.parse(text) as { generation?: unknown; at?: unknown; value?: unknown };
  if (typeof read !== "object" || read?.generation !== generation) {
    throw new Error(`it is no record of generation ${generation}`);
  }
  const at = typeof read.at === "string" ? read.at : "";
  return { generation, at, value: read.value === null ? undefined : (read.value as T) };
}

/** For the start: many small files are read faster without promises. undefined: an empty folder. */
export function newestSync(folder: string): { text: string; generation: number } | undefined {
  // Two tries: somebody may prune what was listed, after committing a newer one.
  for (let attempt = 0; ; attempt += 1) {
    const generation = generationsIn(readdirSync(folder)).at(-1);
    if (generation === undefined) return undefined;
    try {
      return { text: readFileSync(generationFile(folder, generation), "utf8"), generation };
    } catch (cause) {
      if (attempt > 0) throw cause;
    }
  }
}

export async function newest(
  folder: string,
): Promise<{ text: string; generation: number } | undefined> {
  for (let attempt = 0; ; attempt += 1) {
    const generation = (await generationsOf(folder)).at(-1);
    if (generation === undefined) return undefined;
    try {
      const text = await readFile(generationFile(folder, generation), "utf8");
      return { text, generation };
    } catch (cause) {
      if (attempt > 2) throw cause;
    }
  }
}

/** `<n>.json`: one generation of one record, with all that is needed to know it again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Versioned } from "../store.ts";
import { isErrno } from "./durable.ts";
import { folderNameOf } from "./layout.ts";

export interface RecordFile<T> extends Versioned<T> {
  readonly key: string;
}

/** Bytes of a generation that is older than those that are kept: the name stays, so it is never used twice. */
export const PRUNED = "";

export const fileNameOf = (generation: number) => `${generation}.json`;

/** undefined: the name of something else. */
export function generationOf(fileName: string): number | undefined {
  const [, digits] = /^([1-9][0-9]{0,14})\.json$/.exec(fileName) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

export function writeRecord<T>({ key, generation, at, value, note }: RecordFile<T>): string {
  return `${JSON.stringify({ key, generation, at, note, value })}\n`;
}

/** @returns the record; or why this text is none */
export function readRecord<T>(
  text: string,
  folder: string,
  generation: number,
): RecordFile<T> | string {
  if (text === PRUNED) return "is empty";
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch (thrown) {
    return `is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  if (typeof written !== "object" || written === null) return "is no record";
  const record = written as Partial<RecordFile<T>>;
  if (typeof record.key !== "string" || typeof record.at !== "string") return "is no record";
  if (record.generation !== generation) {
    return `says that it is generation ${String(record.generation)}`;
  }
  if (folderNameOf(record.key) !== folder) return `is a record of '${record.key}'`;
  const { key, at, value, note } = record;
  return { key, generation, at, value, ...(note === undefined ? {} : { note }) };
}

/** @returns undefined: there is no such file */
export async function readRecordFile<T>(
  parent: string,
  folder: string,
  generation: number,
): Promise<RecordFile<T> | string | undefined> {
  try {
    const text = await readFile(join(parent, folder, fileNameOf(generation)), "utf8");
    return readRecord(text, folder, generation);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    return `cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

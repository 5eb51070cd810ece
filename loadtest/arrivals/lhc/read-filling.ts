/**
 * Filling schemes from files, in the forms in which the LPC's tools give them:
 *
 * - JSON with `beam1` and `beam2`, or `schemebeam1` and `schemebeam2`: 3564 times 0
 *   or 1, or a list of RF buckets (1, 11, 21, ...);
 * - JSON of schemeInfo.py: `{"fills": {"8821": {"name": ..., "csv": ...}}}`;
 * - CSV with the tables `B1 bucket number,IP1,IP2,IP5,IP8`;
 * - CSV with the lines `B1 filled buckets,1,11,...`.
 */
import { readFileSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { StatusError } from "../../../src/errors.ts";
import type { FillingScheme } from "../../types.ts";
import { BUCKETS_PER_SLOT, SLOTS } from "./clock.ts";
import { type Beams, fillingOf } from "./filling.ts";
import { fillingNames, namedFilling } from "./named-fillings.ts";

const LARGEST_BYTES = 4 << 20;

interface Read extends Beams {
  readonly name?: string;
}

/** @param given a name, `pattern:...`, or a file. @throws StatusError that tells what there is */
export function fillingScheme(given: string): FillingScheme {
  return namedFilling(given) ?? fillingFile(given);
}

function fillingFile(file: string): FillingScheme {
  let text: string;
  try {
    if (statSync(file).size > LARGEST_BYTES) {
      throw new StatusError("INVALID_ARGUMENT", `${file}: larger than 4 MiB, no filling scheme`);
    }
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    const names = fillingNames().join(", ");
    throw new StatusError(
      "NOT_FOUND",
      `no filling scheme and no file '${file}'; known are ${names}, and pattern:(72b+8e)x3...`,
      { cause },
    );
  }
  const { name = basename(file, extname(file)), ...beams } = readFilling(text, file);
  return fillingOf(name, beams, `file ${basename(file)}`);
}

/** @param file for messages */
export function readFilling(text: string, file: string): Read {
  return /^\s*\{/.test(text) ? fromJson(text, file) : fromCsv(text, file);
}

function fromJson(text: string, file: string): Read {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new StatusError("INVALID_ARGUMENT", `${file}: no JSON`, { cause });
  }
  const { fills } = json as { readonly fills?: Record<string, { name?: string; csv?: string }> };
  if (fills !== undefined) {
    const all = Object.values(fills ?? {});
    const [fill] = all;
    if (all.length !== 1 || typeof fill?.csv !== "string") {
      throw wrong(file, "`fills` has to hold one fill, with its `csv`");
    }
    return { ...fromCsv(fill.csv, file), ...(fill.name === undefined ? {} : { name: fill.name }) };
  }
  const beam = (number: 1 | 2) => {
    const list = json[`schemebeam${number}`] ?? json[`beam${number}`];
    if (!Array.isArray(list))
      throw wrong(file, `no list \`beam${number}\` or \`schemebeam${number}\``);
    return beamOf(list.map(Number), file);
  };
  const name = json["schemeName"];
  return {
    beam1: beam(1),
    beam2: beam(2),
    ...(typeof name === "string" && name !== "" ? { name } : {}),
  };
}

/** Of 3564 entries that are 0 or 1, or of RF buckets. */
function beamOf(list: readonly number[], file: string): Uint8Array {
  if (list.length === SLOTS && list.every((value) => value === 0 || value === 1)) {
    return Uint8Array.from(list);
  }
  const beam = new Uint8Array(SLOTS);
  for (const bucket of list) {
    const slot = (bucket - 1) / BUCKETS_PER_SLOT;
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS) {
      throw wrong(file, `${bucket} is no bucket of a 25 ns slot: expected 1, 11, 21 ... 35631`);
    }
    beam[slot] = 1;
  }
  return beam;
}

function fromCsv(text: string, file: string): Read {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const name = lines
    .map((line) => /^(?:INJECTION SCHEME\s*:|Scheme name,)\s*(.+)$/i.exec(line)?.[1])
    .find((found) => found !== undefined);
  const beams = ([1, 2] as const).map((number) => {
    const listed = lines.find((line) => line.startsWith(`B${number} filled buckets`));
    const buckets =
      listed === undefined ? tableOf(lines, number) : listed.split(",").slice(1).map(Number);
    if (buckets === undefined) {
      throw wrong(
        file,
        `neither \`B${number} filled buckets\` nor a table \`B${number} bucket number\``,
      );
    }
    return beamOf(buckets, file);
  });
  const [beam1 = new Uint8Array(SLOTS), beam2 = new Uint8Array(SLOTS)] = beams;
  return { beam1, beam2, ...(name === undefined ? {} : { name }) };
}

/** First column of the table of a beam, which ends with the first line that is none of it. */
function tableOf(lines: readonly string[], beam: 1 | 2): number[] | undefined {
  const head = lines.findIndex((line) => line.startsWith(`B${beam} bucket number,`));
  if (head < 0) return undefined;
  const buckets: number[] = [];
  for (const line of lines.slice(head + 1)) {
    const [bucket] = /^\d+(?=,)/.exec(line) ?? [];
    if (bucket === undefined) break;
    buckets.push(Number(bucket));
  }
  return buckets;
}

function wrong(file: string, text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `filling scheme ${file}: ${text}`);
}

/** Tables that `nvidia-smi --query-gpu=... --format=csv` prints, pure. */
import { BackendError } from "../../contract.ts";

/** Values by the field's name in the query, as they were printed, units and all. */
export type QueryRow = ReadonlyMap<string, string>;

/** A heading is the field and, for some, a unit: `memory.total [MiB]`. */
const HEADING = /^([a-z0-9_.]+)(?: \[[^\]]*\])?$/;
/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[Insufficient Permissions]`, `N/A`. */
const ABSENT = /^(?:\[.*\]|N\/A|Not Supported)$/i;

/**
 * A line a card; values that the card does not have are left out.
 * @param text with its line of headings; empty: no cards
 * @throws BackendError `device` where it is no such table or lacks a field
 */
export function parseQuery(text: string, fields: readonly string[]): readonly QueryRow[] {
  const [heading, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (heading === undefined) return [];
  const names = cells(heading).map((cell) => HEADING.exec(cell)?.[1]);
  const missing = fields.find((field) => !names.includes(field));
  if (missing !== undefined) {
    throw broken(`expected a table with the column ${missing}, it begins with "${start(heading)}"`);
  }
  return lines.map((line) => {
    const values = cells(line);
    if (values.length !== names.length) {
      throw broken(`expected ${names.length} values, got "${start(line)}"`);
    }
    const row = new Map<string, string>();
    for (const [i, name] of names.entries()) {
      const value = values[i] ?? "";
      if (name !== undefined && value !== "" && !ABSENT.test(value)) row.set(name, value);
    }
    return row;
  });
}

/** A number with one of these units behind it; undefined where it is anything else. */
export function numberWith(unit: string, value: string | undefined): number | undefined {
  const found = /^(-?\d+(?:\.\d+)?)(?: (\S+))?$/.exec(value ?? "");
  return found?.[1] !== undefined && (found[2] ?? "") === unit ? Number(found[1]) : undefined;
}

const cells = (line: string) => line.split(",").map((cell) => cell.trim());
const start = (text: string) => text.slice(0, 80);

function broken(reason: string): BackendError {
  return new BackendError("device", `nvidia-smi --query-gpu: ${reason}`);
}

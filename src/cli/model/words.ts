/** Words and numbers of the registry as people read them. */
import type { ListedAlias, ListedArtifact } from "../../http/registry/listed.ts";
import type { Colour } from "../paint.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const scaled = bytes / 1024 ** power;
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${UNITS[power]}`;
}

/** An error in the unit of its class: `3 ulp`, `0.0125`. */
export function figure(error: number, unit: string): string {
  const shown = number(error);
  return unit === "abs" || unit === "" ? shown : `${shown} ${unit}`;
}

export function number(value: unknown): string {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** `production`, `candidate 10 %`, `candidate 10 % (shadow 50 %)`. */
export function aliasWords({ alias, weight, shadowShare }: ListedAlias): string {
  const percent = (share: number) => `${number(share * 100)} %`;
  return (
    alias +
    (weight === undefined ? "" : ` ${percent(weight)}`) +
    (shadowShare === undefined ? "" : ` (shadow ${percent(shadowShare)})`)
  );
}

const COLOURS: Readonly<Record<string, Colour>> = {
  ready: "green",
  served: "green",
  passed: "green",
  refused: "red",
  failed: "red",
  validated: "yellow",
  verified: "yellow",
  uploaded: "yellow",
  retired: "dim",
  skipped: "dim",
};

/** Of a state, a verdict, or the outcome of a check. */
export function colourOf(word: string): Colour | undefined {
  return Object.hasOwn(COLOURS, word) ? COLOURS[word] : undefined;
}

/** What answers may be anything: rows that could not be printed are left out. */
export function isRow(row: unknown): row is ListedArtifact {
  const { name, version, aliases, verdict } = (row ?? {}) as Readonly<Record<string, unknown>>;
  return (
    typeof name === "string" &&
    typeof version === "string" &&
    (aliases === undefined || Array.isArray(aliases)) &&
    (verdict === undefined || (typeof verdict === "object" && verdict !== null))
  );
}

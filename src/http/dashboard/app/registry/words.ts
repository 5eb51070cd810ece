/** Words for what the registry says. */
import type {
  Alias,
  AuditEntry,
  CatalogArtifact,
  VerdictSummary,
} from "../../../../registry/catalog/types.ts";
import { instant } from "../clock.ts";
import { moment, number, percent } from "../format.ts";
import type { Cell } from "../table.ts";
import { type Level, mark } from "../views/marks.ts";

const LEVELS: Readonly<Record<string, Level>> = {
  served: "good",
  ready: "good",
  verified: "warn",
  validated: "warn",
  uploaded: "warn",
  refused: "bad",
};

export const stateMark = (state: string): Cell => mark(LEVELS[state] ?? "none", state);

export function gateMark(verdict: VerdictSummary | undefined): Cell {
  if (verdict === undefined) return mark("none", "not compared");
  const { passed, worst, unit, rows, device, emulated } = verdict;
  const where = `${rows} rows on ${device}${emulated ? " (emulated)" : ""}`;
  const error = worst === 0 ? "equal" : `error ${number(worst)} ${unit}`;
  return mark(passed ? "good" : "bad", `${passed ? "passed" : "failed"}: ${error}, ${where}`);
}

export function aliasText(alias: string, { weight, shadowShare }: Omit<Alias, "version">): string {
  const more = [
    ...(weight === undefined ? [] : [`${percent(weight)} of requests`]),
    ...(shadowShare === undefined ? [] : [`shadows ${percent(shadowShare)}`]),
  ];
  return more.length === 0 ? alias : `${alias} (${more.join(", ")})`;
}

export const shortDigest = (digest: string | undefined) =>
  digest === undefined ? "–" : digest.replace(/^sha256:/, "").slice(0, 12);

export function artifactText(artifact: CatalogArtifact): string {
  const { variant, platform, state, verdictSummary } = artifact;
  return `${variant} for ${platform}: ${state}, gate ${gateMark(verdictSummary).text}`;
}

export function auditText(entry: AuditEntry): string {
  const { at, who, action, version, generation, details = {} } = entry;
  const about = detailsText({ ...(version !== undefined && { version }), ...details });
  const told = about === "" ? "" : ` (${about})`;
  const after = generation === undefined ? "" : ` → generation ${generation}`;
  return `${moment(at)}  ${who}  ${action}${told}${after}`;
}

/** `version 2, alias production` */
export const detailsText = (details: Readonly<Record<string, unknown>>): string =>
  Object.entries(details)
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key} ${written(value)}`)
    .join(", ");

/** Beside what is asked of the registry, where the rest of the page is of another moment. */
export const askedText = (askedAt: Date): string =>
  `The registry's part is of ${instant(askedAt)}: a snapshot has none of it.`;

const written = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

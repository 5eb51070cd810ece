/**
 * The registry as a list: a short row an artifact, so that ten thousand of them are a few megabytes and
 * take the gateway's only thread for milliseconds. Everything about one model is a question of its own.
 */
import { matchesPattern } from "../../inference/name-pattern.ts";
import type { CatalogSnapshot } from "../../registry/catalog/registry.ts";
import type {
  Alias,
  ArtifactState,
  CatalogArtifact,
  CatalogModel,
  VerdictSummary,
} from "../../registry/catalog/types.ts";

export interface ListedArtifact {
  readonly name: string;
  readonly version: string;
  /** That point at the version. */
  readonly aliases?: readonly ListedAlias[];
  readonly vendor: string;
  readonly variant: string;
  readonly platform: string;
  readonly format: string;
  readonly numericClass: string;
  /** `served`: from a folder, by nobody's registration. */
  readonly state: ArtifactState | "served";
  readonly reason?: string;
  /** Absent where nobody has hashed it. */
  readonly digest?: string;
  readonly sizeBytes?: number;
  readonly verdict?: VerdictSummary;
  readonly pinnedBy?: string;
  readonly registeredAt?: string;
}

export interface ListedAlias extends Omit<Alias, "version"> {
  readonly alias: string;
}

/** Each absent one lets everything through. */
export interface ListFilter {
  /** `*` stands for any characters. */
  readonly name?: string;
  readonly vendors?: readonly string[];
  readonly states?: readonly string[];
}

/** By name, version and variant. */
export function listed(
  snapshot: CatalogSnapshot,
  unregistered: readonly ListedArtifact[],
  filter: ListFilter,
): readonly ListedArtifact[] {
  const named = (name: string) => filter.name === undefined || matchesPattern(filter.name, name);
  const rows: ListedArtifact[] = [];
  for (const { model } of snapshot.models) {
    if (!named(model.name)) continue;
    for (const row of rowsOf(model)) if (passes(row, filter)) rows.push(row);
  }
  for (const row of unregistered) {
    if (named(row.name) && passes(row, filter)) rows.push(row);
  }
  return rows.sort(byName);
}

/** Models are replaced, never changed: their rows are made once. */
const made = new WeakMap<CatalogModel, readonly ListedArtifact[]>();

function rowsOf(model: CatalogModel): readonly ListedArtifact[] {
  const known = made.get(model);
  if (known !== undefined) return known;
  const rows = Object.values(model.versions).flatMap(({ version, artifacts }) => {
    const aliases = aliasesOf(model, version);
    return artifacts.map((artifact) => rowOf(model.name, version, aliases, artifact));
  });
  made.set(model, rows);
  return rows;
}

const written = new WeakMap<ListedArtifact, string>();

/** The answer as JSON; a row is written once, however often it is asked for. */
export function listText(generation: number, rows: readonly ListedArtifact[]): string {
  const texts = rows.map((row) => {
    const known = written.get(row);
    if (known !== undefined) return known;
    const text = JSON.stringify(row);
    written.set(row, text);
    return text;
  });
  return `{"generation":${generation},"artifacts":[${texts.join(",")}]}`;
}

function aliasesOf(model: CatalogModel, wanted: string): readonly ListedAlias[] {
  return Object.entries(model.aliases)
    .filter(([, { version }]) => version === wanted)
    .map(([alias, { version: _, ...shares }]) => ({ alias, ...shares }));
}

function rowOf(
  name: string,
  version: string,
  aliases: readonly ListedAlias[],
  artifact: CatalogArtifact,
): ListedArtifact {
  const { vendor, variant, platform, format, numericClass, state, digest, sizeBytes } = artifact;
  const { reason, verdictSummary, pinned, registeredAt } = artifact;
  return {
    name,
    version,
    ...(aliases.length === 0 ? {} : { aliases }),
    vendor,
    variant,
    // What was refused before anybody knew its platform stands under its digest.
    platform: platform === digest ? "unknown" : platform,
    format,
    numericClass,
    state,
    ...(reason === undefined ? {} : { reason }),
    digest,
    sizeBytes,
    ...(verdictSummary === undefined ? {} : { verdict: verdictSummary }),
    ...(pinned === undefined ? {} : { pinnedBy: pinned.by }),
    registeredAt,
  };
}

function passes({ vendor, state }: ListedArtifact, { vendors, states }: ListFilter): boolean {
  return (
    (vendors === undefined || vendors.includes(vendor)) &&
    (states === undefined || states.includes(state))
  );
}

function byName(a: ListedArtifact, b: ListedArtifact): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.version !== b.version) return Number(a.version) - Number(b.version);
  return a.variant < b.variant ? -1 : Number(a.variant > b.variant);
}

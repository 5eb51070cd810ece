/** What may become of a model in the catalog: pure functions from one record to the next. */
import { StatusError } from "../../errors.ts";
import { ALIVE, artifactOf, artifactsOf, versionOf } from "./find-artifact.ts";
import type { ArtifactName } from "./registry.ts";
import type {
  Alias,
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  Digest,
  GoldenFiles,
} from "./types.ts";

/** Of a model's aliases. */
const MOST_HISTORY = 200;
const ALIAS = /^[a-z][a-z0-9_-]{0,63}$/;
export const PRODUCTION = "production";
export const CANDIDATE = "candidate";

export function newModel(name: string): CatalogModel {
  return { name, versions: {}, aliases: {}, aliasHistory: [] };
}

/** A version that is new, or one that learns golden files, a reference or further files. */
export function withVersion(
  model: CatalogModel,
  version: Omit<CatalogVersion, "artifacts">,
): CatalogModel {
  const { artifacts = [] } = model.versions[version.version] ?? {};
  return put(model, { ...version, artifacts });
}

/**
 * A new artifact of a version, in the place of a refused or retired one with the same digest.
 * @throws StatusError FAILED_PRECONDITION where another one serves the same platform
 */
export function withArtifact(
  model: CatalogModel,
  version: string,
  artifact: CatalogArtifact,
): CatalogModel {
  const found = versionOf(model, version);
  const same = found.artifacts.find(
    (other) =>
      ALIVE.includes(other.state) &&
      ALIVE.includes(artifact.state) &&
      other.digest !== artifact.digest &&
      other.vendor === artifact.vendor &&
      other.platform === artifact.platform,
  );
  if (same !== undefined) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `version ${version} of model '${model.name}' has an artifact for ${artifact.vendor} ` +
        `${artifact.platform} already (${same.digest}, ${same.state}): retire that one, or register ` +
        "a new version",
    );
  }
  const others = found.artifacts.filter(({ digest }) => digest !== artifact.digest);
  return put(model, { ...found, artifacts: [...others, artifact] });
}

/** @throws StatusError NOT_FOUND */
export function withChanged(
  model: CatalogModel,
  version: string,
  digest: Digest,
  change: Partial<CatalogArtifact>,
): CatalogModel {
  const found = versionOf(model, version);
  artifactOf(model, { name: model.name, version, digest });
  const artifacts = found.artifacts.map((artifact) =>
    artifact.digest === digest ? { ...artifact, ...change } : artifact,
  );
  return put(model, { ...found, artifacts });
}

export function withGolden(
  model: CatalogModel,
  version: string,
  golden: GoldenFiles,
  reference: Digest | undefined,
): CatalogModel {
  const found = versionOf(model, version);
  return put(model, { ...found, golden, ...(reference === undefined ? {} : { reference }) });
}

/** It passed the gate and may serve; the first version of a model takes its requests at once. */
export function ready(
  model: CatalogModel,
  version: string,
  digest: Digest,
  who: string,
  at: string,
): CatalogModel {
  const changed = withChanged(model, version, digest, { state: "ready" });
  return changed.aliases[PRODUCTION] === undefined
    ? withAlias(changed, { alias: PRODUCTION, version }, who, at)
    : changed;
}

/** @throws StatusError FAILED_PRECONDITION where the version cannot serve */
export function withAlias(
  model: CatalogModel,
  { alias, version, weight, shadowShare }: { readonly alias: string } & Alias,
  who: string,
  at: string,
): CatalogModel {
  if (!ALIAS.test(alias)) {
    const expected = "expected a letter, then letters, digits, - and _ (all in lower case)";
    throw new StatusError("INVALID_ARGUMENT", `'${alias}' is no name of an alias: ${expected}`);
  }
  checkShare("weight", weight);
  checkShare("shadow share", shadowShare);
  if (weight !== undefined && alias !== CANDIDATE) {
    const text = `alias '${alias}' has no weight: only '${CANDIDATE}' takes a share of the requests`;
    throw new StatusError("INVALID_ARGUMENT", text);
  }
  const found = versionOf(model, version);
  if (!found.artifacts.some(({ state }) => state === "ready")) {
    const states = found.artifacts.map((each) => `${each.variant} ${each.state}`).join(", ");
    throw new StatusError(
      "FAILED_PRECONDITION",
      `version ${version} of model '${model.name}' has no artifact that is ready (${states || "none"}): ` +
        "register or verify one first",
    );
  }
  const pointed: Alias = {
    version,
    ...(weight === undefined ? {} : { weight }),
    ...(shadowShare === undefined ? {} : { shadowShare }),
  };
  return {
    ...model,
    aliases: { ...model.aliases, [alias]: pointed },
    aliasHistory: [...model.aliasHistory, { ...pointed, alias, at, by: who }].slice(-MOST_HISTORY),
  };
}

/**
 * The alias as it was before its last change.
 * @throws StatusError FAILED_PRECONDITION where there is no before, or that version is gone
 */
export function rolledBack(
  model: CatalogModel,
  alias: string,
): { readonly model: CatalogModel; readonly to: Alias } {
  const changes = model.aliasHistory.filter((change) => change.alias === alias);
  const before = changes.at(-2);
  if (model.aliases[alias] === undefined || before === undefined) {
    const text = `alias '${alias}' of model '${model.name}' never pointed at another version`;
    throw new StatusError("FAILED_PRECONDITION", text);
  }
  const { version, weight, shadowShare } = before;
  const pointed = withAlias(model, { alias, version, ...opt({ weight, shadowShare }) }, "", "");
  const last = model.aliasHistory.findLastIndex((change) => change.alias === alias);
  return {
    model: { ...pointed, aliasHistory: model.aliasHistory.filter((_, at) => at !== last) },
    to: { version, ...opt({ weight, shadowShare }) },
  };
}

/** @throws StatusError NOT_FOUND, or FAILED_PRECONDITION for `production` while anything is ready */
export function withoutAlias(model: CatalogModel, alias: string): CatalogModel {
  if (model.aliases[alias] === undefined) {
    throw new StatusError("NOT_FOUND", `model '${model.name}' has no alias '${alias}'`);
  }
  if (alias === PRODUCTION) {
    const remedy = "promote another version to it";
    throw new StatusError("FAILED_PRECONDITION", `'${alias}' always points somewhere: ${remedy}`);
  }
  const { [alias]: _, ...aliases } = model.aliases;
  return { ...model, aliases };
}

export function withPin(
  model: CatalogModel,
  name: ArtifactName,
  pinned: CatalogArtifact["pinned"],
): CatalogModel {
  const { version, artifact } = artifactOf(model, name, ["ready"]);
  const { pinned: _, ...unpinned } = artifact;
  const next = pinned === undefined ? unpinned : { ...artifact, pinned };
  return replaced(model, version, artifact.digest, next);
}

/**
 * Takes every artifact that fits out of service for good.
 * @throws StatusError FAILED_PRECONDITION for a pinned one, and for the last one of a version that an alias names
 */
export function retired(model: CatalogModel, name: ArtifactName, reason: string): CatalogModel {
  const going = artifactsOf(model, name).filter(({ artifact }) => ALIVE.includes(artifact.state));
  if (going.length === 0) {
    artifactOf(model, name); // says what there is
    throw new StatusError(
      "FAILED_PRECONDITION",
      `nothing of model '${model.name}' is to be retired`,
    );
  }
  let next = model;
  for (const { version, artifact } of going) {
    if (artifact.pinned !== undefined) throw isPinned(model, version.version, artifact);
    next = withChanged(next, version.version, artifact.digest, { state: "retired", reason });
  }
  for (const [alias, { version }] of Object.entries(model.aliases)) {
    if (serves(model, version) && !serves(next, version)) {
      throw new StatusError(
        "FAILED_PRECONDITION",
        `alias '${alias}' of model '${model.name}' points at version ${version}, which nothing would ` +
          (alias === PRODUCTION
            ? "serve any more: promote another version first"
            : "serve any more: drop the alias, or promote another version to it, first"),
      );
    }
  }
  return next;
}

/**
 * Takes one artifact out of service because it computes something else than it promised. Aliases but
 * `production` that nothing would serve any more go with it; `production` stays, so that its requests are told why.
 */
export function demoted(
  model: CatalogModel,
  version: string,
  digest: Digest,
  reason: string,
): CatalogModel {
  const next = withChanged(model, version, digest, { state: "refused", reason });
  const aliases = Object.entries(next.aliases).filter(
    ([alias, to]) => alias === PRODUCTION || to.version !== version || serves(next, version),
  );
  return { ...next, aliases: Object.fromEntries(aliases) };
}

/**
 * Forgets what is retired or refused; without a version the whole model, if nothing of it is alive.
 * @returns undefined: nothing is left
 * @throws StatusError FAILED_PRECONDITION for what is alive
 */
export function removed(model: CatalogModel, name: ArtifactName): CatalogModel | undefined {
  let next = model;
  for (const { version, artifact } of artifactsOf(model, name)) {
    if (artifact.pinned !== undefined) throw isPinned(model, version.version, artifact);
    if (ALIVE.includes(artifact.state)) {
      throw new StatusError(
        "FAILED_PRECONDITION",
        `${artifact.variant} of version ${version.version} of model '${model.name}' is ${artifact.state}: ` +
          "retire it first",
      );
    }
    const found = versionOf(next, version.version);
    const artifacts = found.artifacts.filter(({ digest }) => digest !== artifact.digest);
    if (artifacts.length > 0) next = put(next, { ...found, artifacts });
    else {
      const { [version.version]: _, ...versions } = next.versions;
      next = { ...next, versions };
    }
  }
  return Object.keys(next.versions).length === 0 ? undefined : next;
}

/** Retired versions beyond `keep`, oldest first: what a registry forgets by itself. */
export function overdue(model: CatalogModel, keep: number): readonly string[] {
  const gone = Object.values(model.versions)
    .filter(({ artifacts }) =>
      artifacts.every(({ state, pinned }) => !ALIVE.includes(state) && pinned === undefined),
    )
    .map(({ version }) => version)
    .sort((a, b) => Number(a) - Number(b));
  return gone.slice(0, Math.max(0, gone.length - keep));
}

export function serves(model: CatalogModel, version: string): boolean {
  return model.versions[version]?.artifacts.some(({ state }) => state === "ready") ?? false;
}

function put(model: CatalogModel, version: CatalogVersion): CatalogModel {
  return { ...model, versions: { ...model.versions, [version.version]: version } };
}

function replaced(
  model: CatalogModel,
  version: CatalogVersion,
  digest: Digest,
  artifact: CatalogArtifact,
): CatalogModel {
  const artifacts = version.artifacts.map((each) => (each.digest === digest ? artifact : each));
  return put(model, { ...version, artifacts });
}

function isPinned(model: CatalogModel, version: string, { variant, pinned }: CatalogArtifact) {
  const text = `${variant} of version ${version} of model '${model.name}' is pinned by ${pinned?.by}`;
  const note = pinned?.note ? ` ("${pinned.note}")` : "";
  return new StatusError("FAILED_PRECONDITION", `${text}${note}: unpin it first`);
}

function checkShare(what: string, share: number | undefined): void {
  if (share === undefined || (share >= 0 && share <= 1)) return;
  throw new StatusError("INVALID_ARGUMENT", `the ${what} is ${share}: expected 0 to 1`);
}

function opt(shares: { weight?: number | undefined; shadowShare?: number | undefined }) {
  const { weight, shadowShare } = shares;
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(shadowShare === undefined ? {} : { shadowShare }),
  };
}

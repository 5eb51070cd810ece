/**
 * What may happen to an artifact, pure: a model and a change give the model after it, or a StatusError that
 * says why not and what to do instead. Where nothing changes, the same object comes back.
 */
import { StatusError } from "../../errors.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import type { ModelConfigObject } from "../types.ts";
import { setAlias } from "./alias-transitions.ts";
import {
  type ArtifactRef,
  aliasesTo,
  aliasOf,
  allArtifacts,
  artifactOf,
  isMeant,
  serves,
  versionOf,
} from "./find.ts";
import type {
  ArtifactState,
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  CheckResult,
  Digest,
  VerdictSummary,
} from "./types.ts";

export interface AddedArtifact {
  readonly name: string;
  readonly version: string;
  /** Of the version; counts where the version is new. */
  readonly config: ModelConfigObject;
  readonly equivalence: Equivalence;
  readonly files?: Readonly<Record<string, Digest>>;
  readonly artifact: CatalogArtifact;
}

/** What may follow on a state. Whoever is out of service comes back by way of the checks. */
const NEXT: Readonly<Record<ArtifactState, readonly ArtifactState[]>> = {
  uploaded: ["validated", "refused", "retired"],
  validated: ["verified", "refused", "retired"],
  verified: ["ready", "validated", "refused", "retired"],
  ready: ["verified", "validated", "refused", "retired"],
  retired: ["validated"],
  refused: ["validated", "retired"],
};

const OUT_OF_USE: readonly ArtifactState[] = ["retired", "refused"];

/**
 * A model and a version are made where they are missing. The same bytes again change nothing, unless they were
 * retired or refused: then they begin anew.
 * @throws StatusError FAILED_PRECONDITION where the version has another artifact for the vendor and platform
 */
export function addArtifact(model: CatalogModel | undefined, added: AddedArtifact): CatalogModel {
  const { name, artifact, files } = added;
  checkVersionNumber(added.version);
  const base = model ?? { name, versions: {}, aliases: {}, aliasHistory: [] };
  const version: CatalogVersion = Object.hasOwn(base.versions, added.version)
    ? versionOf(base, added.version)
    : {
        version: added.version,
        config: added.config,
        equivalence: added.equivalence,
        artifacts: [],
      };
  const own = { version: version.version, digest: artifact.digest, vendor: artifact.vendor };
  const before = version.artifacts.find((other) => isMeant(own, other));
  const begins = before === undefined || before.state === "uploaded" || outOfUse(before);
  if (!begins) return base;
  const rival = version.artifacts.find(
    (other) =>
      !isMeant(own, other) &&
      !outOfUse(other) &&
      ((other.vendor === artifact.vendor && other.platform === artifact.platform) ||
        other.variant === artifact.variant),
  );
  if (rival !== undefined) {
    throw notNow(
      `version ${version.version} of model '${name}' has an artifact for ${rival.vendor} ${rival.platform} already ` +
        `(variant ${rival.variant}, ${rival.digest}, ${rival.state}); retire that one first, or register a new version`,
    );
  }
  const pinned = before?.pinned;
  const kept = version.artifacts.filter((other) => !isMeant(own, other));
  return withVersion(base, {
    ...version,
    artifacts: [...kept, pinned === undefined ? artifact : { ...artifact, pinned }],
    ...(files === undefined ? {} : { files: { ...version.files, ...files } }),
  });
}

export interface StateChange extends ArtifactRef {
  readonly state: ArtifactState;
  /** Absent: what was said before does not hold any more. */
  readonly reason?: string;
  /** Blob of the signed verdict, and what it says; absent: the one before stays. */
  readonly verdict?: Digest;
  readonly verdictSummary?: VerdictSummary;
  readonly checks?: readonly CheckResult[];
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** `retire` has rules of its own. @throws StatusError FAILED_PRECONDITION naming what may follow */
export function setState(model: CatalogModel, change: StateChange): CatalogModel {
  const { version, digest, vendor: _, state, reason, ...found } = change;
  return withArtifact(model, change, ({ reason: __, ...artifact }) => {
    if (artifact.state !== state && !NEXT[artifact.state].includes(state)) {
      throw notNow(
        `${digest} (version ${version} of model '${model.name}') is ${artifact.state} and cannot become ${state}; ` +
          `from there it may become ${NEXT[artifact.state].join(" or ")}`,
      );
    }
    const { underway: ___, ...left } = artifact;
    // Nobody works on what is out of use: whoever did is told so when it goes on.
    const next = OUT_OF_USE.includes(state) ? left : artifact;
    return { ...next, ...found, state, ...(reason === undefined ? {} : { reason }) };
  });
}

/** Into service. The first version of a model that gets there is its production. */
export function setReady(
  model: CatalogModel,
  ref: ArtifactRef,
  { at, by }: { readonly at: string; readonly by: string },
): CatalogModel {
  const { version } = ref;
  const ready = setState(model, { ...pick(ref), state: "ready" });
  if (aliasOf(ready, "production") !== undefined) return ready;
  return setAlias(ready, { alias: "production", version, at, by });
}

export function pin(
  model: CatalogModel,
  ref: ArtifactRef,
  pinned: CatalogArtifact["pinned"],
): CatalogModel {
  if (pinned === undefined && artifactOf(model, ref).pinned === undefined) return model;
  return withArtifact(model, ref, ({ pinned: _, ...artifact }) =>
    pinned === undefined ? artifact : { ...artifact, pinned },
  );
}

/**
 * Out of service for good.
 * @throws StatusError FAILED_PRECONDITION for a pinned artifact, and for the last one that serves a version to
 *   which an alias points
 */
export function retire(model: CatalogModel, ref: ArtifactRef, reason: string): CatalogModel {
  const artifact = artifactOf(model, ref);
  if (artifact.state === "retired") return model;
  checkUnpinned(model, ref, "retired");
  const retired = setState(model, { ...pick(ref), state: "retired", reason });
  const aliases = aliasesTo(model, ref.version);
  const last = artifact.state === "ready" && !serves(versionOf(retired, ref.version));
  if (last && aliases.length > 0) {
    throw notNow(
      `${ref.digest} is the last artifact that serves version ${ref.version} of model '${model.name}', to which ` +
        `alias ${aliases.join(" and ")} points; promote another version first, or drop the alias`,
    );
  }
  return retired;
}

/**
 * Takes an artifact off the record, and its version where it was the last one.
 * @returns undefined where nothing of the model is left
 * @throws StatusError FAILED_PRECONDITION unless it is retired or refused, not pinned, and no alias points there
 */
export function removeArtifact(model: CatalogModel, ref: ArtifactRef): CatalogModel | undefined {
  checkRemovable(model, ref);
  const version = versionOf(model, ref.version);
  const artifacts = version.artifacts.filter((one) => !isMeant(ref, one));
  if (artifacts.length > 0) return withVersion(model, { ...version, artifacts });
  const aliases = aliasesTo(model, ref.version);
  if (aliases.length > 0) {
    throw notNow(
      `alias ${aliases.join(" and ")} of model '${model.name}' points at version ${ref.version}; ` +
        "promote another version or drop the alias first, or remove the whole model",
    );
  }
  const { [ref.version]: _, ...versions } = model.versions;
  if (Object.keys(versions).length === 0) return undefined;
  const aliasHistory = model.aliasHistory.filter((change) => change.version !== ref.version);
  return { ...model, versions, aliasHistory };
}

/** Whether everything of the model may go, aliases too. @throws StatusError FAILED_PRECONDITION naming what may not */
export function checkModelRemovable(model: CatalogModel): void {
  for (const ref of allArtifacts(model)) checkRemovable(model, ref);
}

function checkRemovable(model: CatalogModel, ref: ArtifactRef): void {
  const artifact = artifactOf(model, ref);
  if (!outOfUse(artifact)) {
    throw notNow(
      `${ref.digest} (version ${ref.version} of model '${model.name}', ${artifact.variant}) is ${artifact.state}; ` +
        "only what is retired or refused can be removed: retire it first",
    );
  }
  checkUnpinned(model, ref, "removed");
}

function checkUnpinned(model: CatalogModel, ref: ArtifactRef, what: string): void {
  const { pinned } = artifactOf(model, ref);
  if (pinned === undefined) return;
  throw notNow(
    `${ref.digest} (version ${ref.version} of model '${model.name}') cannot be ${what}: ${pinned.by} pinned it ` +
      `at ${pinned.at}${pinned.note && ` ("${pinned.note}")`}; unpin it first`,
  );
}

function checkVersionNumber(version: string): void {
  if (/^(0|[1-9][0-9]{0,17})$/.test(version)) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `'${version.slice(0, 40)}' is no version; expected a decimal number without leading zeros`,
  );
}

function withArtifact(
  model: CatalogModel,
  ref: ArtifactRef,
  change: (artifact: CatalogArtifact) => CatalogArtifact,
): CatalogModel {
  const version = versionOf(model, ref.version);
  artifactOf(model, ref);
  return withVersion(model, {
    ...version,
    artifacts: version.artifacts.map((one) => (isMeant(ref, one) ? change(one) : one)),
  });
}

export function withVersion(model: CatalogModel, version: CatalogVersion): CatalogModel {
  return { ...model, versions: { ...model.versions, [version.version]: version } };
}

function pick({ version, digest, vendor }: ArtifactRef): ArtifactRef {
  return vendor === undefined ? { version, digest } : { version, digest, vendor };
}

export function outOfUse({ state }: CatalogArtifact): boolean {
  return OUT_OF_USE.includes(state);
}

function notNow(message: string): StatusError {
  return new StatusError("FAILED_PRECONDITION", message);
}

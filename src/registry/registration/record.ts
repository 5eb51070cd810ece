/**
 * What a registration makes of a model's record, pure. Every step but the first belongs to whoever has it
 * `underway`: who was taken for dead, or overtaken, changes nothing any more.
 */
import { StatusError } from "../../errors.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import { setAlias } from "../catalog/alias-transitions.ts";
import { addArtifact, outOfUse, setReady, withVersion } from "../catalog/artifact-transitions.ts";
import { type ArtifactRef, aliasesTo, artifactOf, isMeant, versionOf } from "../catalog/find.ts";
import { setGolden, setReference } from "../catalog/golden-transitions.ts";
import type {
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  Digest,
  GoldenFiles,
  Underway,
} from "../catalog/types.ts";
import type { ModelConfigObject } from "../types.ts";
import { hasTensors, sameConfig } from "./settle-config.ts";

export type Ref = Required<ArtifactRef>;

export function findArtifact(
  model: CatalogModel | undefined,
  ref: Ref,
): { readonly version: CatalogVersion; readonly artifact: CatalogArtifact } | undefined {
  const version =
    model !== undefined && Object.hasOwn(model.versions, ref.version)
      ? model.versions[ref.version]
      : undefined;
  const artifact = version?.artifacts.find((one) => isMeant(ref, one));
  return version !== undefined && artifact !== undefined ? { version, artifact } : undefined;
}

/**
 * The version as far as it binds whoever comes next: where nothing of it was validated, or all of it is out of
 * use, its configuration does not.
 */
export function binding(version: CatalogVersion | undefined): CatalogVersion | undefined {
  return version === undefined || version.artifacts.some(isSettled)
    ? version
    : { ...version, config: {} };
}

const isSettled = (artifact: CatalogArtifact) =>
  !outOfUse(artifact) && artifact.state !== "uploaded";

/** Nothing is known yet but that it is to be checked. @throws as `addArtifact` */
export function begun(
  model: CatalogModel | undefined,
  name: string,
  version: string,
  artifact: CatalogArtifact,
): CatalogModel {
  const nothing: Equivalence = { class: { kind: "bit-exact" } };
  return addArtifact(model, { name, version, config: {}, equivalence: nothing, artifact });
}

/** One that is there goes on, in other hands. */
export function takenOver(model: CatalogModel, ref: Ref, underway: Underway): CatalogModel {
  return changed(model, ref, (artifact) => ({ ...artifact, underway }));
}

export interface Validated {
  readonly artifact: CatalogArtifact;
  /** Of the version; counts where nothing else does. */
  readonly config: ModelConfigObject;
  readonly equivalence: Equivalence;
  readonly files: Readonly<Record<string, Digest>>;
  /** Of the version, from now on. */
  readonly reference: "no" | "fitting" | "asked";
}

/**
 * It passed the checks.
 * @throws StatusError FAILED_PRECONDITION where the version has another artifact for the platform, other files of
 *   these names, or another reference
 */
export function validated(model: CatalogModel, ref: Ref, made: Validated): CatalogModel {
  checkMine(model, ref, made.artifact.underway);
  const { version } = ref;
  const added = addArtifact(model, {
    ...{ name: model.name, version, config: made.config, equivalence: made.equivalence },
    artifact: { ...made.artifact, state: "uploaded" },
  });
  const found = versionOf(added, version);
  const others = found.artifacts.filter(
    (artifact) => !isMeant(ref, artifact) && isSettled(artifact),
  );
  const first = hasTensors(made.config) && (others.length === 0 || !hasTensors(found.config));
  if (!first && hasTensors(made.config) && !sameConfig(found.config, made.config)) {
    throw notNow(
      `version ${version} of model '${model.name}' got another configuration meanwhile: leave yours out, or ` +
        "register a new version with it",
    );
  }
  const next = withVersion(added, {
    ...found,
    ...(first ? { config: made.config, equivalence: made.equivalence } : {}),
    ...withFiles(model.name, found, made.files),
  });
  const whole = changed(next, ref, ({ pinned }) => ({
    ...made.artifact,
    ...(pinned && { pinned }),
  }));
  if (made.reference === "no") return whole;
  return withReference(whole, ref, made.reference === "asked");
}

function withFiles(
  name: string,
  { version, files = {} }: CatalogVersion,
  given: Readonly<Record<string, Digest>>,
): Pick<CatalogVersion, "files"> | undefined {
  const other = Object.keys(given).find(
    (path) => Object.hasOwn(files, path) && files[path] !== given[path],
  );
  if (other !== undefined) {
    const remedy = "leave it out, or register a new version";
    throw notNow(`version ${version} of model '${name}' has another file '${other}': ${remedy}`);
  }
  const all = { ...files, ...given };
  return Object.keys(all).length === 0 ? undefined : { files: all };
}

/** @throws StatusError FAILED_PRECONDITION where somebody asked for it and others were compared with another */
function withReference(model: CatalogModel, ref: Ref, asked: boolean): CatalogModel {
  const { reference, golden } = versionOf(model, ref.version);
  if (reference === ref.digest) return model;
  if (golden === undefined) return setReference(model, ref.version, ref.digest);
  if (!asked) return model;
  throw notNow(
    `version ${ref.version} of model '${model.name}' has golden outputs, by ${reference ?? "whoever gave them"}: ` +
      "register another reference as a new version",
  );
}

/** It stays where it is, for a reason; nobody works on it any more. */
export function parked(
  model: CatalogModel,
  ref: Ref,
  mine: Underway,
  reason: string,
): CatalogModel {
  checkMine(model, ref, mine);
  return changed(model, ref, ({ underway: _, ...artifact }) => ({ ...artifact, reason }));
}

/** A reference that is refused is none. */
export function refusedRecord(
  model: CatalogModel,
  ref: Ref,
  mine: Underway,
  change: Partial<CatalogArtifact>,
): CatalogModel {
  checkMine(model, ref, mine);
  const next = changed(model, ref, ({ underway: _, ...artifact }) => ({
    ...artifact,
    ...change,
    state: "refused",
  }));
  const { reference, golden } = versionOf(next, ref.version);
  return reference === ref.digest && golden === undefined
    ? setReference(next, ref.version, undefined)
    : next;
}

export interface Proven {
  readonly change: Partial<CatalogArtifact>;
  readonly golden: GoldenFiles;
  readonly reference: Digest | undefined;
}

/** @throws StatusError FAILED_PRECONDITION where others were verified by other golden files */
export function verified(
  model: CatalogModel,
  ref: Ref,
  mine: Underway,
  proof: Proven,
): CatalogModel {
  checkMine(model, ref, mine);
  const golden = setGolden(model, ref.version, proof.golden);
  const next = changed(golden, ref, ({ reason: _, ...artifact }) => ({
    ...artifact,
    ...proof.change,
    // One that serves goes on serving.
    state: artifact.state === "ready" ? "ready" : "verified",
  }));
  return setReference(next, ref.version, proof.reference);
}

/** Into service, and the alias to it that was wished for. */
export function inService(
  model: CatalogModel,
  ref: Ref,
  mine: Underway,
  by: { readonly at: string; readonly by: string },
): CatalogModel {
  checkMine(model, ref, mine);
  const ready = changed(setReady(model, ref, by), ref, ({ underway: _, ...artifact }) => artifact);
  return promoted(ready, ref.version, mine.registration.promote, by);
}

/** @throws StatusError as `setAlias` */
export function promoted(
  model: CatalogModel,
  version: string,
  alias: string | undefined,
  by: { readonly at: string; readonly by: string },
): CatalogModel {
  if (alias === undefined || aliasesTo(model, version).includes(alias)) return model;
  return setAlias(model, { alias, version, ...by });
}

/** @throws StatusError ABORTED */
function checkMine(model: CatalogModel, ref: Ref, mine: Underway | undefined): void {
  const found = findArtifact(model, ref)?.artifact;
  if (mine !== undefined && found?.underway?.owner.token === mine.owner.token && !outOfUse(found))
    return;
  const what = found === undefined ? "removed" : outOfUse(found) ? found.state : "taken over";
  throw new StatusError(
    "ABORTED",
    `${ref.digest} (version ${ref.version} of model '${model.name}') was ${what} by somebody else meanwhile`,
  );
}

function changed(
  model: CatalogModel,
  ref: Ref,
  change: (artifact: CatalogArtifact) => CatalogArtifact,
): CatalogModel {
  artifactOf(model, ref);
  const version = versionOf(model, ref.version);
  const artifacts = version.artifacts.map((one) => (isMeant(ref, one) ? change(one) : one));
  return withVersion(model, { ...version, artifacts });
}

function notNow(message: string): StatusError {
  return new StatusError("FAILED_PRECONDITION", message);
}

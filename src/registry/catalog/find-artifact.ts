/** One artifact of a model by what a person says of it. */
import { StatusError } from "../../errors.ts";
import type { ArtifactName } from "./registry.ts";
import type { ArtifactState, CatalogArtifact, CatalogModel, CatalogVersion } from "./types.ts";

export interface FoundArtifact {
  readonly version: CatalogVersion;
  readonly artifact: CatalogArtifact;
}

/** Of a state in which it still counts: one a vendor and platform. */
export const ALIVE: readonly ArtifactState[] = ["uploaded", "validated", "verified", "ready"];

/** @throws StatusError NOT_FOUND naming what there is */
export function versionOf(model: CatalogModel, version: string): CatalogVersion {
  const found = model.versions[version];
  if (found !== undefined) return found;
  const known = Object.keys(model.versions).join(", ") || "none";
  const text = `model '${model.name}' has no version ${version} in the registry; there are: ${known}`;
  throw new StatusError("NOT_FOUND", text);
}

/** All that fit; an empty name of version, vendor or digest fits all. */
export function artifactsOf(model: CatalogModel, name: ArtifactName): readonly FoundArtifact[] {
  const versions =
    name.version === undefined ? Object.values(model.versions) : [versionOf(model, name.version)];
  return versions.flatMap((version) =>
    version.artifacts
      .filter(
        ({ vendor, variant, digest }) =>
          (name.vendor === undefined || name.vendor === vendor || name.vendor === variant) &&
          (name.digest === undefined || digest === name.digest),
      )
      .map((artifact) => ({ version, artifact })),
  );
}

/**
 * The only one that fits, of those that `among` takes where there is a choice.
 * @throws StatusError NOT_FOUND, or INVALID_ARGUMENT listing those that fit
 */
export function artifactOf(
  model: CatalogModel,
  name: ArtifactName,
  among: readonly ArtifactState[] = ALIVE,
): FoundArtifact {
  const fitting = artifactsOf(model, name);
  const chosen = fitting.filter(({ artifact }) => among.includes(artifact.state));
  const [first, ...others] = chosen.length > 0 ? chosen : fitting;
  if (first === undefined) {
    const what = name.digest ?? name.vendor ?? "artifact";
    const where = name.version === undefined ? "" : ` version ${name.version}`;
    throw new StatusError("NOT_FOUND", `model '${model.name}'${where} has no artifact '${what}'`);
  }
  if (others.length === 0) return first;
  const list = [first, ...others]
    .map(({ version, artifact }) => `${version.version}@${artifact.variant} (${artifact.digest})`)
    .join(", ");
  const remedy = "name the version, and the vendor or the digest";
  throw new StatusError("INVALID_ARGUMENT", `several artifacts fit: ${list}; ${remedy}`);
}

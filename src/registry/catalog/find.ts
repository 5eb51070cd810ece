/** What is meant by the names that people give. */
import { StatusError } from "../../errors.ts";
import type { ArtifactName } from "./registry.ts";
import type {
  Alias,
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  Digest,
  Vendor,
} from "./types.ts";

/** One artifact of one version. */
export interface ArtifactRef {
  readonly version: string;
  readonly digest: Digest;
  /** Where the same bytes are registered for several vendors (an ONNX file for CPUs and GPUs); absent: all of them. */
  readonly vendor?: Vendor;
}

export const isMeant = ({ digest, vendor }: ArtifactRef, artifact: CatalogArtifact): boolean =>
  artifact.digest === digest && (vendor === undefined || artifact.vendor === vendor);

export interface FoundArtifact extends ArtifactRef {
  readonly artifact: CatalogArtifact;
}

export function allArtifacts(model: CatalogModel): FoundArtifact[] {
  return Object.values(model.versions).flatMap(({ version, artifacts }) =>
    artifacts.map((artifact) => {
      const { digest, vendor } = artifact;
      return { version, digest, vendor, artifact };
    }),
  );
}

/** @throws StatusError NOT_FOUND naming the versions that there are */
export function versionOf(model: CatalogModel, version: string): CatalogVersion {
  const found = Object.hasOwn(model.versions, version) ? model.versions[version] : undefined;
  if (found !== undefined) return found;
  const versions = Object.keys(model.versions).join(", ");
  throw new StatusError(
    "NOT_FOUND",
    `model '${model.name}' has no version ${version}; there are ${versions || "none"}`,
  );
}

/** @throws StatusError NOT_FOUND */
export function artifactOf(model: CatalogModel, ref: ArtifactRef): CatalogArtifact {
  const { version, digest } = ref;
  const found = versionOf(model, version).artifacts.find((one) => isMeant(ref, one));
  if (found !== undefined) return found;
  throw new StatusError(
    "NOT_FOUND",
    `version ${version} of model '${model.name}' has no artifact ${digest}`,
  );
}

export function aliasOf(model: CatalogModel, alias: string): Alias | undefined {
  return Object.hasOwn(model.aliases, alias) ? model.aliases[alias] : undefined;
}

/** Aliases that point at the version. */
export function aliasesTo(model: CatalogModel, version: string): string[] {
  return Object.entries(model.aliases)
    .filter(([, alias]) => alias.version === version)
    .map(([name]) => name);
}

export function serves({ artifacts }: CatalogVersion): boolean {
  return artifacts.some(({ state }) => state === "ready");
}

/**
 * Every artifact that fits; `vendor` may also be the name of a variant.
 * @throws StatusError NOT_FOUND saying what there is
 */
export function findArtifacts(
  model: CatalogModel,
  { version, vendor, digest }: Omit<ArtifactName, "name">,
): readonly FoundArtifact[] {
  if (version !== undefined) versionOf(model, version);
  const among = allArtifacts(model).filter(
    (one) => version === undefined || one.version === version,
  );
  const found = among.filter(
    ({ artifact }) =>
      (vendor === undefined || artifact.vendor === vendor || artifact.variant === vendor) &&
      (digest === undefined || artifact.digest === digest),
  );
  if (found.length > 0) return found;
  const wanted = [vendor, digest].filter((word) => word !== undefined).join(" ");
  const there = among.map(
    ({ version: of, artifact }) => `version ${of} ${artifact.variant} ${artifact.digest}`,
  );
  throw new StatusError(
    "NOT_FOUND",
    `model '${model.name}' has no artifact ${wanted}; there are ${there.join(", ") || "none"}`,
  );
}

/** Newest first, by number. */
export function byVersionDown(a: string, b: string): number {
  return b.length - a.length || (a < b ? 1 : a > b ? -1 : 0);
}

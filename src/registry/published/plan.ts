/** What of a registered model a gateway serves, and from which files: decided from its record alone. */
import { createHash } from "node:crypto";
import type { AbsentVariant } from "../../policy/routing/variant-view.ts";
import type { CatalogArtifact, CatalogModel, CatalogVersion, Digest } from "../catalog/types.ts";
import { formatConfig } from "../config-pbtxt.ts";
import { staysInside } from "../paths.ts";
import type { ModelConfigObject } from "../types.ts";

/** A file of a version's folder: written down, or a link to what the store holds. Paths are relative to the model's folder. */
export type PlannedFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly blob: Digest };

export interface VersionPlan {
  readonly version: string;
  /** Equal for equal content: the name of its folder. */
  readonly key: string;
  readonly files: readonly PlannedFile[];
  readonly artifacts: readonly PlannedArtifact[];
  /** Registered for the version, and not to serve here. */
  readonly absent: readonly AbsentVariant[];
}

export interface PlannedArtifact {
  readonly artifact: CatalogArtifact;
  /** Below the model's folder. */
  readonly path: string;
}

export interface ModelPlan {
  readonly name: string;
  /** Those with an artifact that may serve. */
  readonly versions: readonly VersionPlan[];
  /** Version by alias; also one that has nothing to serve. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** @param damage why a blob is not what it should be; undefined: it is */
export function planModel(
  model: CatalogModel,
  damage: (digest: Digest) => string | undefined,
): ModelPlan {
  const versions = Object.values(model.versions)
    .map((version) => planVersion(model.name, version, damage))
    .filter(({ artifacts }) => artifacts.length > 0);
  const aliases = Object.fromEntries(
    Object.entries(model.aliases).map(([alias, { version }]) => [alias, version]),
  );
  return { name: model.name, versions, aliases };
}

function planVersion(
  name: string,
  version: CatalogVersion,
  damage: (digest: Digest) => string | undefined,
): VersionPlan {
  const others = Object.entries(version.files ?? {}).filter(([path]) => staysInside(path));
  const missing = others.flatMap(([path, blob]) => {
    const why = damage(blob);
    return why === undefined ? [] : [`its file '${path}': ${why}`];
  });
  const artifacts: PlannedArtifact[] = [];
  const absent: AbsentVariant[] = [];
  for (const artifact of version.artifacts) {
    const why = whyNot(artifact) ?? damage(artifact.digest) ?? missing[0];
    if (why !== undefined) absent.push(absentArtifact(artifact, why));
    else artifacts.push({ artifact, path: pathOf(version.version, artifact) });
  }
  const files: PlannedFile[] = [
    { path: "config.pbtxt", text: formatConfig(configOf(name, version)) },
    ...others.map(([path, blob]) => ({ path, blob })),
    ...artifacts.flatMap((planned) => filesOf(version.version, planned, others)),
  ];
  return { version: version.version, key: keyOf(name, files), files, artifacts, absent };
}

/** Why a registered artifact is not to serve; undefined: it is. */
export function whyNot({ state, reason }: CatalogArtifact): string | undefined {
  if (state === "ready") return undefined;
  return reason === undefined || reason === "" ? `it is ${state}` : `it is ${state}: ${reason}`;
}

export function absentArtifact(artifact: CatalogArtifact, reason: string): AbsentVariant {
  const { variant: name, vendor, platform, numericClass, digest } = artifact;
  return { name, vendor, platform, numericClass, digest, reason };
}

/** Each in a folder of its own: two may have the same file name. */
function pathOf(version: string, { variant, file, manifest }: CatalogArtifact): string {
  return `${version}/${variant}/${manifest?.artifact.file ?? file}`;
}

function filesOf(
  version: string,
  { artifact, path }: PlannedArtifact,
  others: readonly (readonly [string, Digest])[],
): readonly PlannedFile[] {
  const { manifest, digest, variant } = artifact;
  const itself = { path, blob: digest };
  if (manifest !== undefined) {
    return [itself, { path: `${version}/${variant}/manifest.json`, text: JSON.stringify(manifest) }];
  }
  // A graph names files with its weights as they lie beside it.
  const inside = `${version}/`;
  const beside = others
    .filter(([other]) => other.startsWith(inside))
    .map(([other, blob]) => ({ path: `${inside}${variant}/${other.slice(inside.length)}`, blob }));
  return [itself, ...beside.filter((other) => other.path !== path)];
}

function configOf(name: string, { version, config }: CatalogVersion): ModelConfigObject {
  return {
    ...withoutFilledIn(config),
    name,
    version_policy: { specific: { versions: [version] } },
  };
}

/** One preferred size, the largest, is what the gateway fills in: taken for a wish it would make requests wait. */
function withoutFilledIn(config: ModelConfigObject): ModelConfigObject {
  const batching = config["dynamic_batching"] as { preferred_batch_size?: unknown } | undefined;
  const sizes = batching?.preferred_batch_size;
  const filledIn =
    Array.isArray(sizes) && sizes.length === 1 && sizes[0] === config["max_batch_size"];
  if (batching === undefined || !filledIn) return config;
  const { preferred_batch_size: _, ...rest } = batching;
  return { ...config, dynamic_batching: rest };
}

function keyOf(name: string, files: readonly PlannedFile[]): string {
  return createHash("sha256").update(JSON.stringify([name, files])).digest("hex").slice(0, 32);
}

/** What of a registered model a gateway serves, and from which files: decided from its record alone. */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { toStatusError } from "../../errors.ts";
import type { AbsentVariant } from "../../policy/routing/variant-view.ts";
import type { CatalogArtifact, CatalogModel, CatalogVersion, Digest } from "../catalog/types.ts";
import { formatConfig } from "../config-pbtxt.ts";
import { MANIFEST_FILE } from "../manifest.ts";
import { staysInside } from "../paths.ts";
import type { ModelConfigObject } from "../types.ts";

/** A file of a version's folder: written down, or a link to what the store holds. Paths are relative to the model's folder. */
export type PlannedFile =
  | { readonly path: string; readonly text: string }
  | {
      readonly path: string;
      readonly blob: Digest;
      /** The bytes themselves in place of a link: ONNX Runtime reads no weights behind a link that leads elsewhere. */
      readonly copied?: true;
    };

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
  /** Also those without an artifact that may serve. */
  readonly versions: readonly VersionPlan[];
  /** Also those of versions that have nothing to serve. */
  readonly aliases: CatalogModel["aliases"];
}

/** Why something is not to serve; undefined: it is. */
export interface Obstacles {
  /** Of an artifact that is ready. */
  artifact(artifact: CatalogArtifact): string | undefined;
  /** Of bytes in the store. */
  blob(digest: Digest): string | undefined;
}

export function planModel(model: CatalogModel, obstacles: Obstacles): ModelPlan {
  const versions = Object.values(model.versions).map((version) =>
    planVersion(model.name, version, obstacles),
  );
  return { name: model.name, versions, aliases: model.aliases };
}

/** The version without any artifact, for a reason that concerns them all. */
export function planNothing(version: VersionPlan, reason: string): VersionPlan {
  const absent = version.artifacts.map(({ artifact }) => absentArtifact(artifact, reason));
  return { ...version, artifacts: [], absent: [...version.absent, ...absent] };
}

function planVersion(name: string, version: CatalogVersion, obstacles: Obstacles): VersionPlan {
  const others = Object.entries(version.files ?? {}).filter(([path]) => staysInside(path));
  const broken = others.flatMap(([path, blob]) => {
    const why = obstacles.blob(blob);
    return why === undefined ? [] : [`file '${path}' of the version: ${why}`];
  });
  const artifacts: PlannedArtifact[] = [];
  const absent: AbsentVariant[] = [];
  for (const artifact of version.artifacts) {
    const why =
      whyNotReady(artifact) ??
      obstacles.artifact(artifact) ??
      obstacles.blob(artifact.digest) ??
      broken[0];
    if (why !== undefined) absent.push(absentArtifact(artifact, why));
    else artifacts.push({ artifact, path: pathOf(version.version, artifact) });
  }
  const plan = { version: version.version, key: "", files: [], artifacts, absent };
  let config: string;
  try {
    config = formatConfig(configOf(name, version));
  } catch (thrown) {
    return planNothing(plan, `its configuration is wrong: ${toStatusError(thrown).message}`);
  }
  const files = onePerPath([
    ...others.map(([path, blob]) => ({ path, blob })),
    ...artifacts.flatMap((planned) => filesOf(version.version, planned, others)),
    { path: "config.pbtxt", text: config },
  ]);
  return { ...plan, key: keyOf(name, files), files };
}

/** The last of each: nothing that somebody sent along takes the place of an artifact or the configuration. */
const onePerPath = (files: readonly PlannedFile[]): readonly PlannedFile[] => [
  ...new Map(files.map((file) => [posix.normalize(file.path), file])).values(),
];

function whyNotReady({ state, reason }: CatalogArtifact): string | undefined {
  if (state === "ready") return undefined;
  return reason === undefined || reason === "" ? `it is ${state}` : `it is ${state}: ${reason}`;
}

export function absentArtifact(artifact: CatalogArtifact, reason: string): AbsentVariant {
  const { variant: name, vendor, platform, numericClass, digest } = artifact;
  return { name, vendor, platform, numericClass, digest, reason };
}

/** Each in a folder of its own: two may have the same file name. */
function pathOf(version: string, artifact: CatalogArtifact): string {
  const name = posix.basename(artifact.manifest?.artifact.file ?? artifact.file);
  return `${version}/${folderOf(artifact)}/${PLAIN.test(name) ? name : "artifact"}`;
}

const folderOf = ({ variant, digest }: CatalogArtifact) =>
  PLAIN.test(variant) ? variant : digest.slice("sha256:".length, "sha256:".length + 16);

const PLAIN = /^[\w-][\w.+-]{0,127}$/;

function filesOf(
  version: string,
  { artifact, path }: PlannedArtifact,
  others: readonly (readonly [string, Digest])[],
): readonly PlannedFile[] {
  const { manifest, digest } = artifact;
  const folder = posix.dirname(path);
  const itself = { path, blob: digest };
  if (manifest !== undefined) {
    return [{ path: `${folder}/${MANIFEST_FILE}`, text: JSON.stringify(manifest) }, itself];
  }
  // A graph names files with its weights as they lie beside it.
  const inside = `${version}/`;
  const beside = others
    .filter(([other]) => other.startsWith(inside))
    .map(([other, blob]) => ({
      path: `${folder}/${other.slice(inside.length)}`,
      blob,
      copied: true as const,
    }));
  return [...beside, itself];
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
  return createHash("sha256")
    .update(JSON.stringify([name, files]))
    .digest("hex")
    .slice(0, 32);
}

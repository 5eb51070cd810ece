/** Which artifact stands for a model version in its configuration, and which serve it. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Artifact, ArtifactFacts, ManifestTensor } from "../../backends/contract.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { AbsentVariant } from "../policy/routing/variant-view.ts";
import { fieldsOf } from "./model-config.ts";
import { artifactFile, type InspectingModule } from "./modules.ts";
import type { ModelConfigObject, ModelDefinition, VariantDefinition } from "./types.ts";
import { checkVariant, digestOf, type FoundVariant } from "./variants.ts";

/** What the configuration is completed from and checked against: its own artifact, or that of the first variant. */
export async function mainArtifact(
  folder: string,
  version: string,
  config: ModelConfigObject,
  module: InspectingModule,
  found: readonly FoundVariant[],
) {
  try {
    const artifact = await findArtifact(folder, version, config, module);
    return { artifact, facts: await module.inspect(artifact), base: true };
  } catch (thrown) {
    const variant = found.find(({ backendKind }) => backendKind === module.kind);
    if (variant === undefined) throw thrown;
    return { artifact: variant.artifact, facts: clientFacts(variant), base: false };
  }
}

/**
 * The same for a registered version, all of whose artifacts are variants.
 * @param absent why there are none, where that is so
 * @throws StatusError
 */
export function registeredArtifact(
  found: readonly FoundVariant[],
  absent: readonly AbsentVariant[],
  module: InspectingModule,
) {
  const variant = found.find(({ backendKind }) => backendKind === module.kind) ?? found[0];
  if (variant === undefined) throw noneCanServe(absent);
  const { artifact, facts } = variant;
  const itself = artifact.manifest === undefined ? facts : clientFacts(variant);
  return { artifact, facts: itself, base: false, backendKind: variant.backendKind };
}

export function noneCanServe(absent: readonly AbsentVariant[]): StatusError {
  const reasons = absent.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  return new StatusError("UNAVAILABLE", `none of the registered artifacts can serve: ${reasons}`);
}

/** The tensors as clients see them: a board's own axes say how its memory lies. */
function clientFacts({ artifact, facts }: FoundVariant): ArtifactFacts {
  const { platform, details } = facts;
  const { inputs = [], outputs = [] } = artifact.manifest ?? {};
  const rows = (tensors: readonly ManifestTensor[]) =>
    tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: [-1, ...shape] }));
  const tensors = { inputs: rows(inputs), outputs: rows(outputs), batchable: true };
  return { platform, ...tensors, ...(details && { details }) };
}

/** All that serve a version, in the order of preference; empty: its one artifact does. */
export async function variantsOf(
  definition: ModelDefinition,
  base: boolean,
  found: readonly FoundVariant[],
  hasSequences: boolean,
  log: Logger,
): Promise<Pick<ModelDefinition, "variants">> {
  if (found.length === 0) return {};
  const { name, signature, artifact, backendKind, parameters } = definition;
  if (hasSequences || signature.decoupled || signature.maxBatchSize === 0) {
    const reason = "models with sequences, decoupled ones and those without a batch axis have one";
    log.warn(`the variants of model '${name}' are left out: ${reason}`);
    return {};
  }
  const variants: VariantDefinition[] = [];
  for (const { facts: _, ...variant } of found) {
    try {
      checkVariant(variant, signature);
      variants.push(variant);
    } catch (thrown) {
      const { message } = toStatusError(thrown);
      log.warn(`variant '${variant.name}' of model '${name}' is left out: ${message}`);
    }
  }
  if (base) {
    const digest = await digestOf(artifact.path).catch(() => "");
    variants.push({
      name: backendKind,
      backendKind,
      artifact: { ...artifact, digest },
      numericClass: parameters["numeric_class"] || "float32",
    });
  }
  return variants.length > 0 ? { variants: inPreference(variants, parameters) } : {};
}

/** As the model's parameter `variant_preference` lists them; those that it does not name come last, as they are. */
export function inPreference(
  variants: readonly VariantDefinition[],
  parameters: ModelDefinition["parameters"],
): readonly VariantDefinition[] {
  const preference = (parameters["variant_preference"] ?? "").split(",").map((each) => each.trim());
  const rank = ({ name }: VariantDefinition) => {
    const at = preference.indexOf(name);
    return at < 0 ? preference.length : at;
  };
  return variants.toSorted((a, b) => rank(a) - rank(b));
}

async function findArtifact(
  folder: string,
  version: string,
  config: ModelConfigObject,
  module: InspectingModule,
): Promise<Artifact> {
  const versionFolder = join(folder, version);
  const file = artifactFile(fieldsOf(config), module);
  const none = { digest: "", path: versionFolder, format: module.kind, platform: "any" };
  if (file === undefined) return none;
  const path = join(versionFolder, file.filename);
  if (!(await exists(path))) {
    if (module.artifactOptional === true) return none;
    throw new StatusError(
      "UNAVAILABLE",
      `unable to find '${path}' for model '${basename(folder)}'`,
    );
  }
  return { digest: "", path, format: file.format, platform: "any" };
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

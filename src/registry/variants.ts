/**
 * The compiled forms of a model version beside the artifact that its configuration names:
 * `<model>/<version>/<variant>/manifest.json`, each with its artifact, for one vendor's boards.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Artifact, ArtifactFacts, ManifestTensor } from "../../backends/contract.ts";
import { StatusError, toStatusError } from "../errors.ts";
import { shapeText } from "../inference/datatypes.ts";
import type { ClientTensorSpec, ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { MANIFEST_FILE, readManifest } from "./manifest.ts";
import type { InspectingModule } from "./modules.ts";
import type { VariantDefinition } from "./types.ts";

/** More folders of variants in one version are a mistake. */
const MAX_VARIANTS = 64;

export interface FoundVariant extends VariantDefinition {
  readonly facts: ArtifactFacts;
}

/** Folders of variants, in the order of their names. */
export async function variantFolders(versionFolder: string): Promise<readonly string[]> {
  const entries = await readdir(versionFolder, { withFileTypes: true }).catch(() => []);
  const folders: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    if (await isFile(join(versionFolder, entry.name, MANIFEST_FILE))) folders.push(entry.name);
  }
  return folders.sort().slice(0, MAX_VARIANTS);
}

/**
 * The variants that backends of this gateway serve. One that is broken is left out with a warning,
 * like one whose backend is not switched on: the others, and the model, go on.
 */
export async function readVariants(
  versionFolder: string,
  modules: readonly InspectingModule[],
  model: string,
  log: Logger,
): Promise<readonly FoundVariant[]> {
  const found: FoundVariant[] = [];
  for (const name of await variantFolders(versionFolder)) {
    try {
      const variant = await readVariant(join(versionFolder, name), name, modules, model, log);
      if (variant !== undefined) found.push(variant);
    } catch (thrown) {
      const { message } = toStatusError(thrown);
      log.warn(`variant '${name}' of model '${model}' is left out: ${message}`);
    }
  }
  return found;
}

async function readVariant(
  folder: string,
  name: string,
  modules: readonly InspectingModule[],
  model: string,
  log: Logger,
): Promise<FoundVariant | undefined> {
  const manifest = await readManifest(folder);
  const { backend, numericClass } = manifest;
  const module = modules.find(({ kind }) => kind === backend);
  if (module === undefined) {
    log.info(
      `variant '${name}' of model '${model}' is left out: backend '${backend}' is not switched on ` +
        "(backends: [{ kind }] in the configuration)",
    );
    return undefined;
  }
  const path = join(folder, manifest.artifact.file);
  if (!(await isFile(path))) throw invalid(`there is no file '${path}'`);
  const digest = await digestOf(path);
  const { format, platform, digest: stated = digest } = manifest.artifact;
  if (stated !== digest) {
    throw invalid(
      `'${path}' has digest ${digest}, the manifest says ${stated}: the file is damaged, or was ` +
        "replaced without its digest",
    );
  }
  if (!(format in module.formats)) {
    const known = Object.keys(module.formats).join(", ");
    throw invalid(`'${path}': backend '${backend}' takes no ${format}; it takes ${known}`);
  }
  const artifact: Artifact = { digest, path, format, platform, manifest };
  const facts = await module.inspect(artifact);
  return { name, backendKind: backend, artifact, numericClass, facts };
}

/**
 * A variant's tensors against what clients send and get.
 * @throws StatusError INVALID_ARGUMENT naming the tensor
 */
export function checkVariant({ artifact }: VariantDefinition, signature: ModelSignature): void {
  const { manifest } = artifact;
  if (manifest === undefined) return;
  compare("input", manifest.inputs, signature.inputs);
  compare("output", manifest.outputs, signature.outputs);
}

function compare(
  role: string,
  stated: readonly ManifestTensor[],
  wanted: readonly ClientTensorSpec[],
): void {
  for (const { name, datatype, shape } of wanted) {
    const tensor = stated.find((candidate) => candidate.name === name);
    if (tensor === undefined) {
      const names = stated.map((candidate) => candidate.name).join(", ");
      throw invalid(`the model has ${role} '${name}', the manifest ${names}`);
    }
    if (tensor.datatype !== datatype) {
      throw invalid(
        `${role} '${name}' is ${datatype} in the model, ${tensor.datatype} in the manifest`,
      );
    }
    const agrees =
      tensor.shape.length === shape.length &&
      shape.every((length, axis) => length === -1 || length === tensor.shape[axis]);
    if (!agrees) {
      throw invalid(
        `${role} '${name}' has shape ${shapeText(shape)} in the model, ` +
          `${shapeText(tensor.shape)} in the manifest`,
      );
    }
  }
  const extra = stated.find(({ name }) => !wanted.some((tensor) => tensor.name === name));
  if (extra !== undefined) throw invalid(`the model has no ${role} '${extra.name}'`);
}

/** `sha256:<hex>` of a file. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}

const isFile = (path: string) =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

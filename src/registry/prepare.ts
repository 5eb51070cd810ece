/**
 * From a model's folder to definitions that can be loaded: read, complete,
 * check. One conductor, so that the server and `model check-config` agree.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ArtifactFacts } from "../../backends/contract.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkGeneral, checkTensors } from "./check.ts";
import { checkAgainstArtifact } from "./check-artifact.ts";
import { ENSEMBLE_PLATFORM, isEnsemble } from "./check-ensemble.ts";
import { runAgents } from "./checksum.ts";
import { completeBackend, completeDefaults, completeTensors } from "./complete.ts";
import { readConfigFile } from "./config-pbtxt.ts";
import { defineModel } from "./definition.ts";
import { defineEnsemble } from "./ensemble-definition.ts";
import { readLabels } from "./labels.ts";
import { fieldsOf } from "./model-config.ts";
import { type InspectingModule, moduleFor } from "./modules.ts";
import { type GivenArtifacts, givenVariants, inspectGiven } from "./published/given-artifacts.ts";
import { versionFolders, versionsToServe } from "./scan.ts";
import { readSequenceRules } from "./sequence-definition.ts";
import type { ModelConfigObject, ModelDefinition } from "./types.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { readVariants } from "./variants.ts";
import { mainArtifact, registeredArtifact, variantsOf } from "./version-artifacts.ts";
import { warmupSamples } from "./warmup.ts";

export interface PrepareOptions {
  readonly modules: readonly InspectingModule[];
  /** False with `--disable-auto-complete-config`: the file must say everything. */
  readonly autoComplete: boolean;
  /** `--model-config-name`: `configs/<name>.pbtxt` instead of config.pbtxt, where it exists. */
  readonly configName?: string | undefined;
  /** A configuration in place of the model's file. */
  readonly config?: ModelConfigObject;
  /** Artifacts of a registered version, in place of those in the folder. */
  readonly registeredArtifacts?: GivenArtifacts;
  readonly log: Logger;
}

export type PreparedVersion =
  | { readonly version: string; readonly definition: ModelDefinition }
  | { readonly version: string; readonly error: StatusError };

/**
 * Every version that the policy serves, newest first; a version that cannot be
 * served says why and leaves the others alone. Empty: `noVersion`.
 * @throws StatusError for what concerns the model as a whole
 */
export async function prepareModel(
  folder: string,
  options: PrepareOptions,
): Promise<readonly PreparedVersion[]> {
  const { written, config, existing } = await readModel(folder, options);
  const name = basename(folder);
  const policy = fieldsOf(config).version_policy;
  const versions = versionsToServe(existing, policy, name, options.log);
  const ensemble = isEnsemble(fieldsOf(config));
  refuseUnsupported(
    fieldsOf(config),
    ensemble ? ENSEMBLE_PLATFORM : moduleFor(fieldsOf(config), options.modules).kind,
  );
  await runAgents(fieldsOf(config), folder);
  return Promise.all(
    versions.map(async (version): Promise<PreparedVersion> => {
      try {
        return {
          version,
          definition: await prepareVersion(folder, version, written, config, options),
        };
      } catch (thrown) {
        return { version, error: toStatusError(thrown) };
      }
    }),
  );
}

/** Why a model without a version to serve is not served. */
export function noVersion(model: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `at least one version must be available under the version policy of model '${model}'`,
  );
}

export interface ReadModel {
  /** As the file says it; `{}` where there is none. */
  readonly written: ModelConfigObject;
  /** With name, backend and file name. */
  readonly config: ModelConfigObject;
  /** All version folders, newest first. */
  readonly existing: readonly string[];
}

/** The part that needs no artifact. @throws StatusError */
export async function readModel(folder: string, options: PrepareOptions): Promise<ReadModel> {
  const name = basename(folder);
  const existing = await versionFolders(folder, options.log);
  const written = await readWritten(folder, options);
  const oldest = existing.at(-1);
  const files = oldest === undefined ? [] : await readdir(join(folder, oldest)).catch(() => []);
  const own = fieldsOf(written).name ?? "";
  if (own !== "" && own !== name) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `unexpected directory name '${name}' for model '${own}', directory name must equal model name`,
    );
  }
  const config = isEnsemble(fieldsOf(written))
    ? { platform: ENSEMBLE_PLATFORM, ...written, name }
    : completeBackend(written, name, files, options.modules);
  checkGeneral(fieldsOf(config));
  return { written, config, existing };
}

/** The configuration as it is written; `{}` where there is none and none is needed. @throws StatusError */
export async function readWritten(
  folder: string,
  options: PrepareOptions,
): Promise<ModelConfigObject> {
  if (options.config !== undefined) return options.config;
  if (options.configName !== undefined && options.configName !== "") {
    const named = join(folder, "configs", `${options.configName}.pbtxt`);
    if (await exists(named)) return readConfigFile(named);
  }
  const path = join(folder, "config.pbtxt");
  if (options.autoComplete && !(await exists(path))) return {};
  return readConfigFile(path);
}

async function prepareVersion(
  folder: string,
  version: string,
  written: ModelConfigObject,
  config: ModelConfigObject,
  options: PrepareOptions,
): Promise<ModelDefinition> {
  if (isEnsemble(fieldsOf(config))) {
    const labels = await readLabels(fieldsOf(config), folder);
    return defineEnsemble(version, join(folder, version), config, labels);
  }
  const module = moduleFor(fieldsOf(config), options.modules);
  const { modules, registeredArtifacts, log } = options;
  const given = registeredArtifacts && (await inspectGiven(registeredArtifacts, modules));
  const found =
    given?.found ?? (await readVariants(join(folder, version), modules, basename(folder), log));
  const { artifact, facts, base, backendKind } = given
    ? registeredArtifact(given.found, given.absent, module)
    : { ...(await mainArtifact(folder, version, config, module, found)), backendKind: module.kind };
  const complete = completeVersion(config, facts, options.autoComplete);
  warnOfGpus(complete, options.log);
  const labels = await readLabels(fieldsOf(complete), folder);
  const sequence = await readSequenceRules(fieldsOf(complete), fieldsOf(written), folder);
  const parts = { version, written, complete, facts, artifact, backendKind };
  const definition = defineModel(parts);
  const hasSequences = sequence !== undefined;
  const variants = given
    ? givenVariants(definition, hasSequences, given)
    : await variantsOf(definition, base, found, hasSequences, log);
  const { model_warmup: warmups = [] } = fieldsOf(complete);
  const warmup = await warmupSamples(warmups, definition.signature, folder, options.log);
  return {
    ...definition,
    labels,
    ...(sequence && { sequence }),
    ...(warmup.length > 0 && { warmup }),
    ...variants,
  };
}

/** @throws StatusError where configuration and artifact do not fit */
export function completeVersion(
  config: ModelConfigObject,
  facts: ArtifactFacts,
  autoComplete: boolean,
): ModelConfigObject {
  const complete = completeDefaults(autoComplete ? completeTensors(config, facts) : config);
  const fields = fieldsOf(complete);
  checkGeneral(fields);
  const axes = (fields.max_batch_size ?? 0) > 0 ? 1 : 0;
  const scalars = [...(facts.inputs ?? []), ...(facts.outputs ?? [])].filter(
    (tensor) => tensor.shape.length <= axes,
  );
  checkTensors(fields, new Set(scalars.map((tensor) => tensor.name)));
  checkAgainstArtifact(fields, facts);
  return complete;
}

function warnOfGpus(config: ModelConfigObject, log: Logger): void {
  const { name, instance_group: groups = [] } = fieldsOf(config);
  if (groups.some((group) => group.kind === "KIND_GPU")) {
    log.warn(`model '${name}' asks for KIND_GPU: there is no such device, it runs on the CPU`);
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

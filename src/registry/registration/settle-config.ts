/** The configuration of a version: the one it has, the one that was given, or one from the artifact. */
import type {
  ArtifactFacts,
  ArtifactManifest,
  ManifestTensor,
} from "../../../backends/contract.ts";
import { StatusError } from "../../errors.ts";
import type { ModelSignature } from "../../inference/request.ts";
import type { CatalogVersion } from "../catalog/types.ts";
import { checkGeneral, checkTensors } from "../check.ts";
import { isEnsemble } from "../check-ensemble.ts";
import { completeBackend, completeDefaults, completeTensors } from "../complete.ts";
import { parseConfig } from "../config-pbtxt.ts";
import { defineModel } from "../definition.ts";
import { fieldsOf, type ModelConfigFields, withFields } from "../model-config.ts";
import type { InspectingModule } from "../modules.ts";
import type { ModelConfigObject } from "../types.ts";
import { refuseUnsupported } from "../unsupported.ts";
import { canonicalJson } from "../vendors/canonical-json.ts";
import { freeBatchAxis } from "./free-batch-axis.ts";

export interface SettledConfig {
  /** Complete, with the model's name; `{}` where nothing is known and nothing has to be. */
  readonly config: ModelConfigObject;
  /** Absent where there are no tensors. */
  readonly signature?: ModelSignature;
  readonly source: "version" | "given" | "artifact" | "none";
}

export interface ConfigSources {
  readonly name: string;
  readonly version: string;
  readonly written?: string | undefined;
  readonly existing?: CatalogVersion | undefined;
  readonly facts: ArtifactFacts;
  readonly manifest?: ArtifactManifest | undefined;
  readonly format: string;
  /** Kind of the backend that runs the format; absent: none does. */
  readonly backend?: string | undefined;
  readonly modules: readonly InspectingModule[];
}

/** @throws StatusError INVALID_ARGUMENT; FAILED_PRECONDITION where the version has another configuration */
export function settleConfig(sources: ConfigSources): SettledConfig {
  const { existing, name, written } = sources;
  const kept = existing === undefined || !hasTensors(existing.config) ? undefined : existing.config;
  const given = written === undefined ? undefined : complete(parsed(written, name), sources);
  if (kept === undefined) {
    if (given !== undefined) return { ...given, source: "given" };
    const made = complete({}, sources);
    return { ...made, source: made.signature === undefined ? "none" : "artifact" };
  }
  if (given !== undefined && !sameConfig(given.config, kept)) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `version ${sources.version} of model '${name}' has another configuration: ` +
        `${firstDifference(kept, given.config)} differs`,
    );
  }
  return { ...define({ ...kept, name }, sources), source: "version" };
}

/** As records keep it. */
export function storedConfig(config: ModelConfigObject): ModelConfigObject {
  const { name: _, version_policy: __, ...rest } = config as Record<string, unknown>;
  return rest;
}

export function hasTensors(config: ModelConfigObject): boolean {
  const { input = [], output = [] } = fieldsOf(config);
  return input.length > 0 && output.length > 0;
}

function parsed(text: string, name: string): ModelConfigObject {
  const config = parseConfig(text, "config.pbtxt");
  const { name: own = "" } = fieldsOf(config);
  if (own !== "" && own !== name) {
    throw invalid(`it is the configuration of model '${own}', not of '${name}'`);
  }
  if (!isEnsemble(fieldsOf(config))) return config;
  throw invalid(`model '${name}' is an ensemble, which has no artifact to register`);
}

function complete(
  config: ModelConfigObject,
  sources: ConfigSources,
): Omit<SettledConfig, "source"> {
  const facts = factsForConfig(sources, fieldsOf(config));
  if (facts.inputs === undefined && !hasTensors(config)) {
    checkGeneral(fieldsOf(config));
    return { config: {} };
  }
  const started = withBackend(config, sources);
  checkGeneral(fieldsOf(started));
  const full = completeDefaults(completeTensors(started, facts));
  const fields = fieldsOf(full);
  checkGeneral(fields);
  const axes = (fields.max_batch_size ?? 0) > 0 ? 1 : 0;
  const scalars = [...(facts.inputs ?? []), ...(facts.outputs ?? [])].filter(
    ({ shape }) => shape.length <= axes,
  );
  checkTensors(fields, new Set(scalars.map((tensor) => tensor.name)));
  refuseUnsupported(fields, sources.backend ?? "");
  return define(full, sources);
}

function define(config: ModelConfigObject, sources: ConfigSources) {
  const { format, version, backend = "" } = sources;
  const facts = factsForConfig(sources, fieldsOf(config));
  const artifact = { digest: "", path: "", format, platform: "any" };
  const parts = { version, written: config, complete: config, facts, artifact };
  return { config, signature: defineModel({ ...parts, backendKind: backend }).signature };
}

/** Only a version of which nothing is known is named after what runs its first artifact. */
function withBackend(config: ModelConfigObject, sources: ConfigSources): ModelConfigObject {
  const { name, format, backend, modules } = sources;
  const { backend: named = "", platform = "" } = fieldsOf(config);
  const file = modules.find(({ kind }) => kind === backend)?.formats[format];
  if (named !== "" || platform !== "" || file !== undefined) {
    return completeBackend(config, name, file === undefined ? [] : [file], modules);
  }
  return withFields(config, { name, ...(backend === undefined ? {} : { backend }) });
}

/**
 * What the tensors are completed from: the artifact, or its manifest where it does not say. A batch size that is
 * burnt in is the business of a check of its own.
 */
function factsForConfig(
  { facts, manifest }: ConfigSources,
  { max_batch_size: maxBatchSize = 0 }: ModelConfigFields,
): ArtifactFacts {
  if (facts.inputs !== undefined && facts.outputs !== undefined) {
    return maxBatchSize > 0 ? freeBatchAxis(facts) : facts;
  }
  if (manifest === undefined) return facts;
  const rows = (tensors: readonly ManifestTensor[]) =>
    tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: [-1, ...shape] }));
  const { inputs, outputs } = manifest;
  return { ...facts, inputs: rows(inputs), outputs: rows(outputs), batchable: true };
}

/** Names of tools and files are not what a version promises. */
export function sameConfig(one: ModelConfigObject, other: ModelConfigObject): boolean {
  return canonicalJson(promised(one)) === canonicalJson(promised(other));
}

function promised(config: ModelConfigObject): ModelConfigObject {
  const {
    backend: _,
    platform: __,
    default_model_filename: ___,
    ...rest
  } = storedConfig(config) as Record<string, unknown>;
  return rest;
}

function firstDifference(one: ModelConfigObject, other: ModelConfigObject): string {
  const [ours, theirs] = [promised(one), promised(other)];
  const keys = [...Object.keys(ours), ...Object.keys(theirs)].sort();
  return keys.find((key) => canonicalJson(ours[key]) !== canonicalJson(theirs[key])) ?? "it";
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

/**
 * Whether a configuration makes sense on its own. The rules and texts are
 * those of Triton's ValidateModelConfig and ValidateModelIOConfig; where
 * Triton has none the text is ours.
 */
import { StatusError } from "../errors.ts";
import { batchIoProblem } from "./check-batch-io.ts";
import { checkEnsemble, isEnsemble } from "./check-ensemble.ts";
import { checkShape } from "./check-shape.ts";
import type {
  ConfigDynamicBatching,
  ConfigQueuePolicy,
  ConfigTensor,
  ModelConfigFields,
} from "./model-config.ts";
import { TRITON_PAIRS } from "./modules.ts";
import { checkInsideFolder } from "./paths.ts";
import { checkSequenceBatching } from "./sequence-config.ts";

/** Of one model, all groups together: a slip of the keyboard must not keep the gateway busy for minutes. */
const MAX_INSTANCES = 1024;

/**
 * What can be said of a configuration before it is completed.
 * @throws StatusError INVALID_ARGUMENT
 */
export function checkGeneral(config: ModelConfigFields): void {
  const name = config.name ?? "";
  checkBackendPair(config);
  if ((config.max_batch_size ?? 0) < 0) {
    throw invalid(`'max_batch_size' must be non-negative value for ${name}`);
  }
  if (config.dynamic_batching !== undefined) {
    checkBatching(config.dynamic_batching, config.max_batch_size ?? 0, name);
  }
  if (config.sequence_batching !== undefined) {
    checkSequenceBatching(config.sequence_batching, config.max_batch_size ?? 0, name);
  }
  checkVersionPolicy(config, name);
  for (const group of config.instance_group ?? []) {
    if ((group.count ?? 0) < 0) {
      throw invalid(`instance group ${group.name ?? ""} of model ${name} has a negative count`);
    }
    const platform = config.platform ?? "";
    // Without a platform it is not known yet: the file alone is looked at.
    if ((group.profile ?? []).length > 0 && platform !== "" && platform !== "tensorrt_plan") {
      throw invalid(
        `instance group ${group.name ?? ""} of model ${name} and platform ${platform} ` +
          "specifies profile field which is only supported for TensorRT models",
      );
    }
  }
  const instances = (config.instance_group ?? []).reduce((sum, { count = 1 }) => sum + count, 0);
  if (instances > MAX_INSTANCES) {
    throw invalid(
      `the instance groups of model ${name} have ${instances} instances, ` +
        `more than ${MAX_INSTANCES} are a mistake`,
    );
  }
  checkPaths(config, name);
  if (isEnsemble(config)) checkEnsemble(config);
}

/**
 * Every input and output, once the configuration is complete.
 * @param scalars names of tensors without axes beside the batch axis, which need no dims
 * @throws StatusError INVALID_ARGUMENT
 */
export function checkTensors(config: ModelConfigFields, scalars: ReadonlySet<string>): void {
  const name = config.name ?? "";
  for (const [role, tensors] of [
    ["input", config.input ?? []],
    ["output", config.output ?? []],
  ] as const) {
    const seen = new Set<string>();
    for (const tensor of tensors) {
      const problem = tensorProblem(tensor, role, config, scalars);
      if (problem !== undefined) throw invalid(`${problem} for ${name}`);
      if (seen.has(tensor.name ?? "")) {
        throw invalid(`model ${role} '${tensor.name}' is specified more than once for ${name}`);
      }
      seen.add(tensor.name ?? "");
    }
    if (tensors.length === 0) {
      throw invalid(`model ${name} has no ${role}: specify at least one '${role}'`);
    }
  }
  const problem = batchIoProblem(config);
  if (problem !== undefined) throw invalid(`${problem} for ${name}`);
}

function tensorProblem(
  tensor: ConfigTensor,
  role: "input" | "output",
  config: ModelConfigFields,
  scalars: ReadonlySet<string>,
): string | undefined {
  const problem = checkShape(tensor, role, config.max_batch_size ?? 0, scalars);
  if (problem !== undefined) return problem;
  const format = tensor.format;
  if ((format === "FORMAT_NHWC" || format === "FORMAT_NCHW") && tensor.dims?.length !== 3) {
    return "model input NHWC/NCHW require 3 dims";
  }
  if (tensor.is_shape_tensor === true && !takesShapeTensors(config)) {
    return "shape tensors are only supported for TensorRT platform";
  }
  return undefined;
}

/** Triton knows the frameworks; what a backend of another name takes is that backend's to say. */
function takesShapeTensors({ backend = "", platform = "" }: ModelConfigFields): boolean {
  if (platform !== "") return platform === "tensorrt_plan";
  return !TRITON_PAIRS.some((known) => known.backend === backend && backend !== "tensorrt");
}

function checkBackendPair({ backend = "", platform = "" }: ModelConfigFields): void {
  if (backend === "" || platform === "") return;
  const pair = TRITON_PAIRS.find((known) => known.backend === backend);
  if (pair !== undefined && pair.platform !== "" && pair.platform !== platform) {
    throw invalid(`unexpected 'platform' and 'backend' pair, got:${platform}, ${backend}`);
  }
}

function checkBatching(rules: ConfigDynamicBatching, maxBatchSize: number, name: string): void {
  for (const size of rules.preferred_batch_size ?? []) {
    if (size <= 0) throw invalid(`dynamic batching preferred size must be positive for ${name}`);
    if (size > maxBatchSize) {
      throw invalid(`dynamic batching preferred size must be <= max batch size for ${name}`);
    }
  }
  const levels = BigInt(rules.priority_levels ?? 0);
  const byLevel = Object.entries(rules.priority_queue_policy ?? {});
  if (levels > 0n) {
    const level = BigInt(rules.default_priority_level ?? 0);
    if (level === 0n || level > levels) {
      throw invalid(`default priority level must be in range [1, ${levels}] for ${name}`);
    }
    if (byLevel.some(([key]) => BigInt(key) === 0n || BigInt(key) > levels)) {
      throw invalid(
        `priority queue policy must have priority level in range [1, ${levels}] for ${name}`,
      );
    }
  }
  if (rules.preserve_ordering !== true) return;
  if (levels > 1n) {
    throw invalid(
      `Only one priority level is allowed when 'preserve_ordering' is true for ${name}`,
    );
  }
  if ([rules.default_queue_policy, ...byLevel.map(([, policy]) => policy)].some(delays)) {
    throw invalid(
      "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for " +
        name,
    );
  }
}

function delays(policy: ConfigQueuePolicy | undefined): boolean {
  return policy?.timeout_action === "DELAY" && policy.default_timeout_microseconds !== undefined;
}

function checkVersionPolicy(config: ModelConfigFields, name: string): void {
  const specific = config.version_policy?.specific?.versions ?? [];
  if (specific.some((version) => BigInt(version) < 0n)) {
    throw invalid(`'version_policy' names a negative version for ${name}`);
  }
}

/** Files are looked for in the model's folder and nowhere else. */
function checkPaths(config: ModelConfigFields, name: string): void {
  if ((config.model_operations?.op_library_filename ?? []).length > 0) {
    throw invalid(
      `model_operations.op_library_filename of ${name} is refused: a library of operators runs as ` +
        "code of the server. Export the model with standard operators",
    );
  }
  checkInsideFolder(config.default_model_filename, "default_model_filename", name);
  for (const path of Object.values(config.cc_model_filenames ?? {})) {
    checkInsideFolder(path, "cc_model_filenames", name);
  }
  for (const output of config.output ?? []) {
    checkInsideFolder(output.label_filename, "label_filename", name);
  }
  for (const warmup of config.model_warmup ?? []) {
    for (const input of Object.values(warmup.inputs ?? {})) {
      checkInsideFolder(input.input_data_file, "input_data_file", name);
    }
  }
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

/** A complete configuration and its artifact as what the gateway loads and batches by. */
import type { Artifact, ArtifactFacts, Datatype, TensorSpec } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { datatypeOfConfig } from "../inference/datatypes.ts";
import {
  NO_POLICY,
  type QueuePolicy,
  type QueueRules,
  UNBATCHED,
} from "../inference/queue-rules.ts";
import type { ClientTensorSpec, ModelSignature } from "../inference/request.ts";
import { batchInputs, scattering } from "./batch-io.ts";
import {
  type ConfigInstanceGroup,
  type ConfigQueuePolicy,
  type ConfigTensor,
  fieldsOf,
  type ModelConfigFields,
} from "./model-config.ts";
import { controlInputs } from "./sequence-definition.ts";
import type { ModelConfigObject, ModelDefinition, RateLimit } from "./types.ts";

export interface DefinitionParts {
  readonly version: string;
  /** As the file says it, before anything was filled in. */
  readonly written: ModelConfigObject;
  readonly complete: ModelConfigObject;
  readonly facts: ArtifactFacts;
  readonly artifact: Artifact;
  readonly backendKind: string;
}

export function defineModel(parts: DefinitionParts): ModelDefinition {
  const config = fieldsOf(parts.complete);
  const name = config.name ?? "";
  const groups = config.instance_group ?? [];
  const parameters = Object.fromEntries(
    Object.entries(config.parameters ?? {}).map(([key, value]) => [key, value.string_value ?? ""]),
  );
  return {
    name,
    version: parts.version,
    config: parts.complete,
    signature: signatureOf(config, parts, parameters),
    rules: queueRules(config, fieldsOf(parts.written)),
    backendKind: parts.backendKind,
    artifact: parts.artifact,
    instances: instanceCount(config),
    threads: threadCount(parameters, name),
    parameters,
    ...(groups.some((group) => group.rate_limiter) ? { rateLimits: groups.map(rateLimit) } : {}),
    ...(config.response_cache?.enable === true ? { cacheResponses: true } : {}),
  };
}

function signatureOf(
  config: ModelConfigFields,
  { version, facts }: DefinitionParts,
  parameters: Readonly<Record<string, string>>,
): ModelSignature {
  const maxBatchSize = config.max_batch_size ?? 0;
  const { reproducible } = parameters;
  const unstated = new Set(facts.unstatedShapes);
  const spec = (known: readonly TensorSpec[] = []) => {
    const stated = known.filter((tensor) => !unstated.has(tensor.name));
    return (tensor: ConfigTensor) => tensorSpec(tensor, maxBatchSize, stated);
  };
  // Those of sequences last: the probe at load leaves them out.
  const made = [...batchInputs(config), ...controlInputs(config)];
  return {
    name: config.name ?? "",
    version,
    maxBatchSize,
    inputs: (config.input ?? []).map(spec(facts.inputs)),
    outputs: (config.output ?? []).map((tensor) => ({
      ...spec(facts.outputs)(tensor),
      ...scattering(tensor, config),
    })),
    ...(made.length > 0 ? { made } : {}),
    decoupled: config.model_transaction_policy?.decoupled === true,
    reproducible: isTrue(reproducible, "reproducible", config.name ?? ""),
  };
}

function tensorSpec(
  tensor: ConfigTensor,
  maxBatchSize: number,
  stated: readonly TensorSpec[],
): ClientTensorSpec {
  const actual = stated.find((candidate) => candidate.name === tensor.name);
  const shape = (tensor.dims ?? []).map(Number);
  // A scalar is written as dims [1] where it must have dims; in the model it has no axis.
  const isScalar = maxBatchSize === 0 && actual !== undefined && actual.shape.length === 0;
  const inModel = isScalar ? [] : (tensor.reshape?.shape ?? (tensor.reshape ? [] : undefined));
  const modelShape = inModel?.map(Number);
  return {
    name: tensor.name ?? "",
    datatype: datatypeOf(tensor),
    shape,
    ...(modelShape !== undefined && modelShape.join() !== shape.join() ? { modelShape } : {}),
    ...(tensor.optional === true ? { optional: true } : {}),
    ...(tensor.allow_ragged_batch === true ? { ragged: true } : {}),
    ...(tensor.is_shape_tensor === true && maxBatchSize > 0 ? { shapeTensor: true } : {}),
  };
}

function datatypeOf(tensor: ConfigTensor): Datatype {
  const datatype = datatypeOfConfig(tensor.data_type ?? "");
  if (datatype === undefined) throw new Error(`unchecked data_type of tensor '${tensor.name}'`);
  return datatype;
}

/** Preferred sizes come from the file: the one that was filled in is no wish of anybody. */
function queueRules(config: ModelConfigFields, written: ModelConfigFields): QueueRules {
  const batching = config.dynamic_batching;
  if (batching === undefined) return UNBATCHED;
  const preferred = written.dynamic_batching?.preferred_batch_size ?? [];
  return {
    dynamic: true,
    preferredRows: [...new Set(preferred)].sort((a, b) => a - b),
    maxDelayMs: Number(batching.max_queue_delay_microseconds ?? 0) / 1000,
    preserveOrdering: batching.preserve_ordering === true,
    priorityLevels: Number(batching.priority_levels ?? 0),
    defaultPriority: Number(batching.default_priority_level ?? 0),
    defaultPolicy: queuePolicy(batching.default_queue_policy),
    policies: new Map(
      Object.entries(batching.priority_queue_policy ?? {}).map(([level, policy]) => [
        Number(level),
        queuePolicy(policy),
      ]),
    ),
  };
}

function queuePolicy(policy: ConfigQueuePolicy | undefined): QueuePolicy {
  if (policy === undefined) return NO_POLICY;
  return {
    timeoutAction: policy.timeout_action === "DELAY" ? "DELAY" : "REJECT",
    defaultTimeoutUs: Number(policy.default_timeout_microseconds ?? 0),
    allowTimeoutOverride: policy.allow_timeout_override === true,
    maxQueueSize: policy.max_queue_size ?? 0,
  };
}

function rateLimit({ count = 1, rate_limiter: limiter }: ConfigInstanceGroup): RateLimit {
  const resources = (limiter?.resources ?? []).map((resource) => ({
    name: resource.name ?? "",
    global: resource.global === true,
    count: resource.count ?? 0,
  }));
  return { instances: count, priority: limiter?.priority ?? 0, resources };
}

function instanceCount(config: ModelConfigFields): number {
  const groups = config.instance_group ?? [];
  return Math.max(
    1,
    groups.reduce((sum, group) => sum + (group.count ?? 1), 0),
  );
}

/** The name is that of Triton's ONNX Runtime backend, where 0 leaves it to the server. */
function threadCount(
  parameters: Readonly<Record<string, string>>,
  name: string,
): number | undefined {
  const { intra_op_thread_count: text } = parameters;
  if (text === undefined || text === "0") return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1024) return count;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `parameter intra_op_thread_count of model '${name}' is '${text}': expected a number from 0 to 1024`,
  );
}

function isTrue(text: string | undefined, parameter: string, name: string): boolean {
  const word = (text ?? "").toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  if (["", "false", "0", "no", "off"].includes(word)) return false;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `parameter ${parameter} of model '${name}' is '${text}': expected true or false`,
  );
}

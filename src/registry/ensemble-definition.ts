/** The configuration of an ensemble as what the gateway serves: a plan instead of an artifact. */
import { datatypeOfConfig } from "../inference/datatypes.ts";
import type { EnsemblePlan, EnsembleStep } from "../inference/ensemble-plan.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type { ClientTensorSpec } from "../inference/request.ts";
import { checkTensors } from "./check.ts";
import { ENSEMBLE_PLATFORM } from "./check-ensemble.ts";
import { completeDefaults } from "./complete.ts";
import type { Labels } from "./labels.ts";
import {
  type ConfigEnsembleStep,
  type ConfigTensor,
  fieldsOf,
  type ModelConfigFields,
} from "./model-config.ts";
import type { ModelConfigObject, ModelDefinition } from "./types.ts";

/**
 * Right in itself; whether it fits its steps is known once they are loaded
 * (`check-steps.ts`), and so is whether it is decoupled.
 * @param folder of the version
 * @throws StatusError INVALID_ARGUMENT
 */
export function defineEnsemble(
  version: string,
  folder: string,
  config: ModelConfigObject,
  labels: Labels,
): ModelDefinition {
  const complete = completeDefaults(config);
  const fields = fieldsOf(complete);
  checkTensors(fields, new Set());
  const name = fields.name ?? "";
  return {
    name,
    version,
    config: complete,
    signature: {
      name,
      version,
      maxBatchSize: fields.max_batch_size ?? 0,
      inputs: (fields.input ?? []).map(tensorSpec),
      outputs: (fields.output ?? []).map(tensorSpec),
      decoupled: false,
      reproducible: false,
    },
    rules: UNBATCHED,
    backendKind: ENSEMBLE_PLATFORM,
    artifact: { digest: "", path: folder, format: ENSEMBLE_PLATFORM, platform: "any" },
    instances: 0,
    threads: undefined,
    parameters: {},
    labels,
    ensemble: planOf(fields),
    ...(fields.response_cache?.enable === true ? { cacheResponses: true } : {}),
  };
}

/** The models that a configuration names as steps, each once. */
export function stepNames(plan: EnsemblePlan): readonly string[] {
  return [...new Set(plan.steps.map((step) => step.model))];
}

function planOf({ ensemble_scheduling: ensemble }: ModelConfigFields): EnsemblePlan {
  return {
    steps: (ensemble?.step ?? []).map(stepOf),
    maxInflightRequests: ensemble?.max_inflight_requests ?? 0,
  };
}

function stepOf(step: ConfigEnsembleStep): EnsembleStep {
  const version = BigInt(step.model_version ?? 0);
  return {
    model: step.model_name ?? "",
    version: version > 0n ? String(version) : "",
    inputMap: new Map(Object.entries(step.input_map ?? {})),
    outputMap: new Map(Object.entries(step.output_map ?? {})),
  };
}

/** `checkTensors` has seen it. */
function tensorSpec(tensor: ConfigTensor): ClientTensorSpec {
  const datatype = datatypeOfConfig(tensor.data_type ?? "");
  if (datatype === undefined) throw new Error(`unchecked data_type of tensor '${tensor.name}'`);
  return {
    name: tensor.name ?? "",
    datatype,
    shape: (tensor.dims ?? []).map(Number),
    ...(tensor.optional === true ? { optional: true } : {}),
  };
}

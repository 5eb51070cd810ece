/**
 * Fills in what a configuration leaves out, as Triton does: name and backend
 * from the folder, tensors from the artifact, then defaults. Three steps,
 * because the artifact can only be read once the backend is known.
 */
import type { ArtifactFacts, TensorSpec } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { CONFIG_TYPE } from "../inference/datatypes.ts";
import {
  type ConfigInstanceGroup,
  type ConfigTensor,
  fieldsOf,
  type ModelConfigFields,
  withFields,
} from "./model-config.ts";
import { type InspectingModule, TRITON_PAIRS } from "./modules.ts";
import { completeSequenceBatching } from "./sequence-config.ts";
import { tensorsOfBatcher } from "./sequence-definition.ts";
import type { ModelConfigObject } from "./types.ts";

/** What Triton's ONNX backend assumes for a model that can be batched and names no size. */
const DEFAULT_MAX_BATCH_SIZE = 4;
/** Triton gives models of ONNX Runtime two instances in a CPU group that names no count. */
const DEFAULT_CPU_INSTANCES = 2;

/**
 * Name, backend, platform and default_model_filename.
 * @param files what lies in the first version folder; empty where there is none
 * @throws StatusError INVALID_ARGUMENT where nothing tells the backend
 */
export function completeBackend(
  config: ModelConfigObject,
  folderName: string,
  files: readonly string[],
  modules: readonly InspectingModule[],
): ModelConfigObject {
  const written = fieldsOf(config);
  const name = orElse(written.name, folderName);
  const pair = tritonPair(written, files);
  if (pair !== undefined) {
    return withFields(config, {
      name,
      backend: orElse(written.backend, pair.backend),
      ...nonEmpty("platform", orElse(written.platform, pair.platform)),
      default_model_filename: orElse(written.default_model_filename, pair.filename),
    });
  }
  const named = orElse(written.backend, written.platform ?? "");
  if (named !== "") return withFields(config, { name, backend: named });
  const module = moduleOfFile(written, files, modules);
  if (module !== undefined) return withFields(config, { name, ...module });
  return withFields(config, { name, ...backendOfName(name) });
}

function tritonPair(written: ModelConfigFields, files: readonly string[]) {
  const { backend = "", platform = "", default_model_filename: filename = "" } = written;
  if (backend !== "") return TRITON_PAIRS.find((pair) => pair.backend === backend);
  if (platform !== "") return TRITON_PAIRS.find((pair) => pair.platform === platform);
  if (filename !== "") return TRITON_PAIRS.find((pair) => pair.filename === filename);
  return TRITON_PAIRS.find((pair) => files.includes(pair.filename));
}

function moduleOfFile(
  { default_model_filename: named = "" }: ModelConfigFields,
  files: readonly string[],
  modules: readonly InspectingModule[],
): { backend: string; default_model_filename: string } | undefined {
  for (const { platforms, formats } of modules) {
    const filename = Object.values(formats).find((candidate) =>
      named === "" ? files.includes(candidate) : candidate === named,
    );
    const backend = platforms[0];
    if (filename !== undefined && backend !== undefined) {
      return { backend, default_model_filename: filename };
    }
  }
  return undefined;
}

/** Triton's last resort: a model named `anything.<backend>`. */
function backendOfName(name: string): { backend: string; default_model_filename: string } {
  const dot = name.indexOf(".");
  if (dot < 0) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `Invalid model name: Could not determine backend for model '${name}' with no backend in ` +
        "model configuration. Expected model name of the form 'model.<backend_name>'.",
    );
  }
  const backend = name.slice(dot + 1);
  return { backend, default_model_filename: `model.${backend}` };
}

/**
 * Tensors, max_batch_size and dynamic_batching from the artifact. A
 * configuration with inputs and outputs is left as it is.
 * @throws StatusError INVALID_ARGUMENT where the artifact cannot be batched and the configuration wants it
 */
export function completeTensors(
  config: ModelConfigObject,
  facts: ArtifactFacts,
): ModelConfigObject {
  const written = fieldsOf(config);
  const inputs = (written.input ?? []).length + (written.batch_input ?? []).length;
  const outputs = (written.output ?? []).length;
  if ((inputs > 0 && outputs > 0) || facts.inputs === undefined || facts.outputs === undefined) {
    return config;
  }
  let maxBatchSize = written.max_batch_size ?? 0;
  if (facts.batchable !== true && maxBatchSize !== 0) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `autofill failed for model '${written.name ?? ""}': model does not support batching while ` +
        "non-zero max_batch_size is specified",
    );
  }
  if (facts.batchable === true && maxBatchSize === 0) maxBatchSize = DEFAULT_MAX_BATCH_SIZE;
  const scheduled = written.dynamic_batching ?? written.sequence_batching;
  const chosen = scheduled ?? written.ensemble_scheduling;
  const own = tensorsOfBatcher(written);
  const describe = (tensors: readonly TensorSpec[], ours: ReadonlySet<string>) =>
    tensors
      .filter(({ name }) => !ours.has(name))
      .map((tensor) => configTensor(tensor, maxBatchSize > 0));
  return withFields(config, {
    ...(maxBatchSize === 0 ? {} : { max_batch_size: maxBatchSize }),
    ...(inputs === 0 ? { input: describe(facts.inputs, own.inputs) } : {}),
    ...(outputs === 0 ? { output: describe(facts.outputs, own.outputs) } : {}),
    ...(maxBatchSize > 1 && chosen === undefined ? { dynamic_batching: {} } : {}),
  });
}

/**
 * Triton writes a tensor without axes as dims [1] and a reshape, and answers
 * with an axis that the model does not have; here it stays as it is.
 */
function configTensor(tensor: TensorSpec, batched: boolean): ConfigTensor {
  const dims = tensor.shape.slice(batched ? 1 : 0).map(String);
  return {
    name: tensor.name,
    data_type: CONFIG_TYPE[tensor.datatype],
    ...(dims.length === 0 ? {} : { dims }),
  };
}

/** Version policy, preferred batch size, pinned memory and instance groups. */
export function completeDefaults(config: ModelConfigObject): ModelConfigObject {
  const written = fieldsOf(config);
  const batching = written.dynamic_batching;
  const maxBatchSize = written.max_batch_size ?? 0;
  const preferred = batching?.preferred_batch_size ?? [];
  const common: ModelConfigFields = {
    ...(written.version_policy === undefined || Object.keys(written.version_policy).length === 0
      ? { version_policy: { latest: { num_versions: 1 } } }
      : {}),
    ...(batching !== undefined && preferred.length === 0 && maxBatchSize > 0
      ? { dynamic_batching: { ...batching, preferred_batch_size: [maxBatchSize] } }
      : {}),
    ...(written.sequence_batching === undefined
      ? {}
      : { sequence_batching: completeSequenceBatching(written.sequence_batching, maxBatchSize) }),
  };
  if (written.ensemble_scheduling !== undefined) return withFields(config, common);
  return withFields(config, {
    ...common,
    optimization: {
      input_pinned_memory: { enable: true },
      output_pinned_memory: { enable: true },
      ...written.optimization,
    },
    instance_group: instanceGroups(written),
  });
}

function instanceGroups(written: ModelConfigFields): readonly ConfigInstanceGroup[] {
  const groups = written.instance_group ?? [];
  const name = written.name ?? "";
  // One worker feeds a CPU well: more are a decision of whoever writes the configuration.
  if (groups.length === 0) return [{ name, kind: "KIND_CPU", count: 1 }];
  return groups.map((group, index) => {
    const kind = group.kind ?? "KIND_CPU";
    const isOnnx = written.backend === "onnxruntime";
    const count = isOnnx && kind === "KIND_CPU" ? DEFAULT_CPU_INSTANCES : 1;
    return {
      ...group,
      name: orElse(group.name, `${name}_${index}`),
      kind,
      count: (group.count ?? 0) < 1 ? count : (group.count ?? 1),
    };
  });
}

function orElse(text: string | undefined, otherwise: string): string {
  return text === undefined || text === "" ? otherwise : text;
}

function nonEmpty(field: "platform", text: string): ModelConfigFields {
  return text === "" ? {} : { [field]: text };
}

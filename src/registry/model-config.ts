/** Typed reading of a ModelConfigObject: only the fields that beamgate acts on. */
import type { BatchInputKind } from "../inference/made-inputs.ts";
import type { ConfigSequenceBatching } from "./sequence-config.ts";
import type { ModelConfigObject } from "./types.ts";

export interface ConfigTensor {
  readonly name?: string;
  readonly data_type?: string;
  readonly format?: string;
  /** int64 as decimal text, like every int64 of a ModelConfigObject. */
  readonly dims?: readonly string[];
  readonly reshape?: { readonly shape?: readonly string[] };
  readonly is_shape_tensor?: boolean;
  readonly allow_ragged_batch?: boolean;
  readonly optional?: boolean;
  readonly is_non_linear_format_io?: boolean;
  readonly label_filename?: string;
}

export interface ConfigBatchInput {
  /** Absent: BATCH_ELEMENT_COUNT. */
  readonly kind?: BatchInputKind;
  readonly target_name?: readonly string[];
  readonly data_type?: string;
  readonly source_input?: readonly string[];
}

/** Its only kind is BATCH_SCATTER_WITH_INPUT_SHAPE. */
export interface ConfigBatchOutput {
  readonly target_name?: readonly string[];
  readonly source_input?: readonly string[];
}

export interface ConfigQueuePolicy {
  readonly timeout_action?: string;
  readonly default_timeout_microseconds?: string;
  readonly allow_timeout_override?: boolean;
  readonly max_queue_size?: number;
}

export interface ConfigDynamicBatching {
  readonly preferred_batch_size?: readonly number[];
  readonly max_queue_delay_microseconds?: string;
  readonly preserve_ordering?: boolean;
  readonly priority_levels?: string;
  readonly default_priority_level?: string;
  readonly default_queue_policy?: ConfigQueuePolicy;
  readonly priority_queue_policy?: Readonly<Record<string, ConfigQueuePolicy>>;
}

export interface ConfigInstanceGroup {
  readonly name?: string;
  readonly kind?: string | number;
  readonly count?: number;
  readonly gpus?: readonly number[];
  readonly profile?: readonly string[];
  readonly rate_limiter?: {
    readonly priority?: number;
    readonly resources?: readonly {
      readonly name?: string;
      readonly global?: boolean;
      readonly count?: number;
    }[];
  };
}

export interface ConfigVersionPolicy {
  readonly latest?: { readonly num_versions?: number };
  readonly all?: object;
  readonly specific?: { readonly versions?: readonly string[] };
}

export interface ConfigWarmup {
  readonly name?: string;
  readonly batch_size?: number;
  readonly count?: number;
  readonly inputs?: Readonly<Record<string, ConfigWarmupInput>>;
}

/** One of the last three is present, also where it is false. */
export interface ConfigWarmupInput {
  readonly data_type?: string;
  readonly dims?: readonly string[];
  readonly zero_data?: boolean;
  readonly random_data?: boolean;
  readonly input_data_file?: string;
}

export interface ConfigAgent {
  readonly name?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface ConfigEnsemble {
  readonly step?: readonly ConfigEnsembleStep[];
  readonly max_inflight_requests?: number;
}

export interface ConfigEnsembleStep {
  readonly model_name?: string;
  /** int64 as text; -1 and absent: the newest ready one. */
  readonly model_version?: string;
  readonly input_map?: Readonly<Record<string, string>>;
  readonly output_map?: Readonly<Record<string, string>>;
}

export interface ModelConfigFields {
  readonly name?: string;
  readonly platform?: string;
  readonly backend?: string;
  readonly version_policy?: ConfigVersionPolicy;
  readonly max_batch_size?: number;
  readonly input?: readonly ConfigTensor[];
  readonly output?: readonly ConfigTensor[];
  readonly batch_input?: readonly ConfigBatchInput[];
  readonly batch_output?: readonly ConfigBatchOutput[];
  readonly optimization?: {
    readonly input_pinned_memory?: { readonly enable?: boolean };
    readonly output_pinned_memory?: { readonly enable?: boolean };
  };
  readonly dynamic_batching?: ConfigDynamicBatching;
  readonly sequence_batching?: ConfigSequenceBatching;
  readonly ensemble_scheduling?: ConfigEnsemble;
  readonly instance_group?: readonly ConfigInstanceGroup[];
  readonly default_model_filename?: string;
  readonly cc_model_filenames?: Readonly<Record<string, string>>;
  readonly parameters?: Readonly<Record<string, { readonly string_value?: string }>>;
  readonly model_warmup?: readonly ConfigWarmup[];
  readonly model_operations?: { readonly op_library_filename?: readonly string[] };
  readonly model_transaction_policy?: { readonly decoupled?: boolean };
  readonly model_repository_agents?: { readonly agents?: readonly ConfigAgent[] };
  readonly response_cache?: { readonly enable?: boolean };
}

/**
 * The same object with the types that the schema guarantees: a ModelConfigObject
 * is only ever made by `config-object.ts`, field by field from the message type.
 */
export function fieldsOf(config: ModelConfigObject): ModelConfigFields {
  return config as ModelConfigFields;
}

/** A field that was filled in or replaced; the others stay as they are. */
export function withFields(
  config: ModelConfigObject,
  fields: ModelConfigFields,
): ModelConfigObject {
  return { ...config, ...fields };
}

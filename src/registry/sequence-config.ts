/** Triton's `sequence_batching` block: its fields, whether they make sense, and its defaults. Texts of ValidateModelConfig. */
import { StatusError } from "../errors.ts";
import { CONFIG_TYPE, datatypeOfConfig } from "../inference/datatypes.ts";
import { CORRID_DATATYPES } from "../inference/made-inputs.ts";
import { checkInsideFolder } from "./paths.ts";

export interface ConfigControl {
  /** Absent for CONTROL_SEQUENCE_START, the default of the enum. */
  readonly kind?: string;
  readonly int32_false_true?: readonly number[];
  readonly fp32_false_true?: readonly (number | string)[];
  readonly bool_false_true?: readonly boolean[];
  readonly data_type?: string;
}

export interface ConfigInitialState {
  readonly name?: string;
  readonly data_type?: string;
  readonly dims?: readonly string[];
  readonly zero_data?: boolean;
  readonly data_file?: string;
}

export interface ConfigState {
  readonly input_name?: string;
  readonly output_name?: string;
  readonly data_type?: string;
  readonly dims?: readonly string[];
  readonly initial_state?: readonly ConfigInitialState[];
}

export interface ConfigSequenceBatching {
  readonly max_sequence_idle_microseconds?: string;
  readonly control_input?: readonly {
    readonly name?: string;
    readonly control?: readonly ConfigControl[];
  }[];
  readonly state?: readonly ConfigState[];
  readonly direct?: {
    readonly max_queue_delay_microseconds?: string;
    readonly minimum_slot_utilization?: number;
  };
  readonly oldest?: {
    readonly max_candidate_sequences?: number;
    readonly preferred_batch_size?: readonly number[];
    readonly max_queue_delay_microseconds?: string;
    readonly preserve_ordering?: boolean;
  };
  readonly iterative_sequence?: boolean;
}

export const CORRID = "CONTROL_SEQUENCE_CORRID";
const START = "CONTROL_SEQUENCE_START";
const FALSE_TRUE = ["int32_false_true", "fp32_false_true", "bool_false_true"] as const;

export const kindOf = (control: ConfigControl) => control.kind ?? START;

/** @throws StatusError INVALID_ARGUMENT, the first thing that is wrong */
export function checkSequenceBatching(
  batching: ConfigSequenceBatching,
  maxBatchSize: number,
  model: string,
): void {
  checkControls(batching, model);
  checkStates(batching, model);
  for (const size of batching.oldest?.preferred_batch_size ?? []) {
    if (size <= 0) {
      throw invalid(`sequence batching preferred batch size must be positive for ${model}`);
    }
    if (size > maxBatchSize) {
      throw invalid(
        `sequence batching preferred batch size must be <= max batch size for ${model}`,
      );
    }
  }
  if ((batching.oldest?.max_candidate_sequences ?? 0) < 0) {
    throw invalid(`sequence batching max_candidate_sequences must be non-negative for ${model}`);
  }
  const utilization = batching.direct?.minimum_slot_utilization ?? 0;
  if (!(utilization >= 0 && utilization <= 1)) {
    throw invalid(
      `sequence batching minimum slot utilization must be in range (0.0, 1.0] for ${model}`,
    );
  }
}

function checkControls(batching: ConfigSequenceBatching, model: string): void {
  const names = new Set<string>();
  const kinds = new Set<string>();
  for (const { name = "", control = [] } of batching.control_input ?? []) {
    if (name === "")
      throw invalid(`sequence batching control tensor must have a name for ${model}`);
    if (names.has(name) || control.length > 1) {
      throw invalid(
        `sequence batching control tensor '${name}' is specified for multiple control kinds for ${model}`,
      );
    }
    names.add(name);
    const [only] = control;
    if (only === undefined) continue;
    const kind = kindOf(only);
    if (kinds.has(kind)) {
      throw invalid(`sequence batching specifies multiple ${kind} tensors for ${model}`);
    }
    kinds.add(kind);
    if (kind === CORRID) checkCorrelation(only, model);
    else checkFalseTrue(only, kind, model);
  }
}

function checkFalseTrue(control: ConfigControl, kind: string, model: string): void {
  const given = FALSE_TRUE.filter((field) => (control[field] ?? []).length > 0);
  const [field] = given;
  if (given.length > 1) {
    throw invalid(
      "sequence batching specifies more than one from 'int32_false_true', 'fp32_false_true' and " +
        `'bool_false_true' for ${kind} for ${model}`,
    );
  }
  if (field === undefined) {
    throw invalid(
      "sequence batching must specify either 'int32_false_true', 'fp32_false_true' or " +
        `'bool_false_true' for ${kind} for ${model}`,
    );
  }
  if (control[field]?.length === 2) return;
  throw invalid(
    `sequence batching control '${field}' must have exactly 2 entries for ${kind} for ${model}`,
  );
}

function checkCorrelation(control: ConfigControl, model: string): void {
  if (FALSE_TRUE.some((field) => (control[field] ?? []).length > 0)) {
    throw invalid(
      "sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or " +
        `'bool_false_true' for ${CORRID} for ${model}`,
    );
  }
  const datatype = datatypeOfConfig(control.data_type ?? "");
  if (datatype !== undefined && CORRID_DATATYPES.includes(datatype)) return;
  const [first, ...rest] = CORRID_DATATYPES.map((allowed) => CONFIG_TYPE[allowed]);
  const allowed = `${[first, ...rest.slice(0, -1)].join(", ")} and ${rest.at(-1)}`;
  throw invalid(
    `unexpected data type for control ${CORRID} for ${model}. Allowed data types are ${allowed}`,
  );
}

function checkStates({ state: states = [] }: ConfigSequenceBatching, model: string): void {
  const names = { input: new Set<string>(), output: new Set<string>() };
  for (const state of states) {
    const { input_name: input = "", output_name: output = "" } = state;
    if (input === "" || output === "") {
      throw invalid(`a state of ${model} must specify both 'input_name' and 'output_name'`);
    }
    const which = `state '${input}' of ${model}`;
    if (names.input.has(input) || names.output.has(output)) {
      throw invalid(`${which} shares its input or its output with another state`);
    }
    names.input.add(input);
    names.output.add(output);
    if (datatypeOfConfig(state.data_type ?? "") === undefined) {
      throw invalid(`${which} must specify 'data_type'`);
    }
    const dims = (state.dims ?? []).map(Number);
    if (dims.length === 0) throw invalid(`${which} must specify 'dims'`);
    if (!dims.every((length) => length === -1 || length >= 1)) {
      throw invalid(
        `${which}: dimension must be integer >= 1, or -1 to indicate a variable-size dimension`,
      );
    }
    checkInitialState(state, dims, which, model);
  }
}

function checkInitialState(
  { input_name, initial_state: initial = [], data_type }: ConfigState,
  dims: readonly number[],
  which: string,
  model: string,
): void {
  const [only] = initial;
  if (only === undefined) return;
  if (initial.length > 1) {
    throw invalid(
      `initial_state field for state input '${input_name}' must contain exactly one or zero element. ` +
        `Found '${initial.length}' elements.`,
    );
  }
  if ((only.name ?? "") === "") {
    throw invalid(`${which}: field 'name' must be set when using 'initial_state'`);
  }
  if (only.data_type !== data_type) {
    throw invalid(`${which}: the data type of 'initial_state' does not match that of the state`);
  }
  const own = (only.dims ?? []).map(Number);
  const fits =
    own.length === dims.length &&
    own.every((length, axis) => length >= 1 && (dims[axis] === -1 || dims[axis] === length));
  if (!fits) {
    throw invalid(
      `${which}: 'initial_state' has dims [${own.join(",")}], which do not fit [${dims.join(",")}]`,
    );
  }
  if (only.data_file === undefined && only.zero_data === undefined) {
    throw invalid(`${which}: 'initial_state' must specify 'zero_data' or 'data_file'`);
  }
  checkInsideFolder(only.data_file, "data_file", model);
}

/** What Triton fills in: 1 s of idleness, and the largest batch as the preferred one. */
export function completeSequenceBatching(
  batching: ConfigSequenceBatching,
  maxBatchSize: number,
): ConfigSequenceBatching {
  const { oldest } = batching;
  const preferred = oldest?.preferred_batch_size ?? [];
  return {
    ...batching,
    ...(Number(batching.max_sequence_idle_microseconds ?? 0) === 0
      ? { max_sequence_idle_microseconds: "1000000" }
      : {}),
    ...(oldest !== undefined && preferred.length === 0 && maxBatchSize > 0
      ? { oldest: { ...oldest, preferred_batch_size: [maxBatchSize] } }
      : {}),
  };
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

/** A checked `sequence_batching` block as what the gateway schedules by, and as tensors of the model. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Datatype, StateSpec, TensorSpec } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { bytesRowEnds } from "../inference/bytes-tensor.ts";
import { datatypeOfConfig, elementSizeBytes } from "../inference/datatypes.ts";
import type { MadeInput, SequenceControl } from "../inference/made-inputs.ts";
import type { SequenceRules } from "../inference/sequence-rules.ts";
import type { ModelConfigFields } from "./model-config.ts";
import { type ConfigControl, type ConfigState, kindOf } from "./sequence-config.ts";

/** Beside the version folders, as in Triton. */
const INITIAL_STATE_FOLDER = "initial_state";

/** The control inputs, in the configuration's order. Each is one element a row. */
export function controlInputs({ sequence_batching }: ModelConfigFields): readonly MadeInput[] {
  return (sequence_batching?.control_input ?? []).flatMap(
    ({ name = "", control: [control] = [] }) => {
      // One that controls nothing is no tensor of the model.
      if (control === undefined) return [];
      const kind = kindOf(control).replace("CONTROL_SEQUENCE_", "") as SequenceControl;
      const spec = { name, datatype: controlDatatype(control), shape: [1] };
      const values = kind === "CORRID" ? {} : { values: falseAndTrue(control) };
      return [{ from: "sequence" as const, spec, control: kind, ...values }];
    },
  );
}

/** The inputs and outputs in which states travel, without the batch axis. */
export function stateTensors({ sequence_batching }: ModelConfigFields): {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
} {
  const states = sequence_batching?.state ?? [];
  const spec = (name: string | undefined, state: ConfigState): TensorSpec => ({
    name: name ?? "",
    datatype: datatypeOfConfig(state.data_type ?? "") ?? "BYTES",
    shape: (state.dims ?? []).map(Number),
  });
  return {
    inputs: states.map((state) => spec(state.input_name, state)),
    outputs: states.map((state) => spec(state.output_name, state)),
  };
}

/** Names that belong to the sequence batcher: a client neither sends nor, for itself, asks for them. */
export function tensorsOfBatcher(config: ModelConfigFields): {
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
} {
  const states = stateTensors(config);
  const controls = controlInputs(config).map(({ spec }) => spec.name);
  return {
    inputs: new Set([...controls, ...states.inputs.map(({ name }) => name)]),
    outputs: new Set(states.outputs.map(({ name }) => name)),
  };
}

/**
 * @param written the block as the file has it: a preferred size that was filled in is no wish of anybody
 * @param folder the model's
 * @throws StatusError INVALID_ARGUMENT where an initial state cannot be read or has another size
 */
export async function readSequenceRules(
  config: ModelConfigFields,
  written: ModelConfigFields,
  folder: string,
): Promise<SequenceRules | undefined> {
  const batching = config.sequence_batching;
  if (batching === undefined) return undefined;
  const { direct, oldest } = batching;
  const slots = Math.max(1, config.max_batch_size ?? 0);
  const tensors = stateTensors(config);
  const preferred = written.sequence_batching?.oldest?.preferred_batch_size ?? [];
  const states = (batching.state ?? []).map((state) => stateSpec(state, config, folder));
  return {
    strategy: oldest === undefined ? "direct" : "oldest",
    maxIdleMs: Number(batching.max_sequence_idle_microseconds) / 1000,
    maxDelayMs: Number((oldest ?? direct)?.max_queue_delay_microseconds ?? 0) / 1000,
    minimumSlotUtilization: direct?.minimum_slot_utilization ?? 0,
    maxCandidateSequences: (oldest?.max_candidate_sequences ?? 0) || slots,
    preferredRows: [...new Set(preferred)].sort((a, b) => a - b),
    preserveOrdering: oldest?.preserve_ordering === true,
    states: await Promise.all(states),
    stateInputs: tensors.inputs,
    stateOutputs: tensors.outputs,
  };
}

async function stateSpec(
  state: ConfigState,
  config: ModelConfigFields,
  folder: string,
): Promise<StateSpec> {
  const { input_name: input = "", output_name: output = "", initial_state: [initial] = [] } = state;
  // Triton starts an axis of any length with 1 where nothing says otherwise.
  const dims = (initial?.dims ?? state.dims ?? []).map((text) => Math.max(1, Number(text)));
  const spec = { input, output, initialShape: dims };
  if (initial?.data_file === undefined) return spec;
  const path = join(folder, INITIAL_STATE_FOLDER, initial.data_file);
  const which = `initial state '${initial.data_file}' of state '${input}' of model '${config.name ?? ""}'`;
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw invalid(
      `${which} cannot be read from the model's folder ${INITIAL_STATE_FOLDER}/`,
      cause,
    );
  });
  const elements = dims.reduce((product, length) => product * length, 1);
  const datatype = datatypeOfConfig(state.data_type ?? "") ?? "BYTES";
  if (datatype === "BYTES") {
    try {
      bytesRowEnds(bytes, elements, 1);
    } catch (cause) {
      throw invalid(`${which} is no tensor of ${elements} texts: ${String(cause)}`, cause);
    }
  } else if (bytes.byteLength !== elements * elementSizeBytes(datatype)) {
    const expected = elements * elementSizeBytes(datatype);
    throw invalid(`${which} has ${bytes.byteLength} bytes, expected ${expected}`);
  }
  return { ...spec, initialFile: path };
}

function controlDatatype(control: ConfigControl): Datatype {
  if ((control.int32_false_true ?? []).length > 0) return "INT32";
  if ((control.fp32_false_true ?? []).length > 0) return "FP32";
  if ((control.bool_false_true ?? []).length > 0) return "BOOL";
  return datatypeOfConfig(control.data_type ?? "") ?? "UINT64";
}

function falseAndTrue(control: ConfigControl) {
  const { int32_false_true: ints, fp32_false_true: floats, bool_false_true: bools } = control;
  const element = (at: 0 | 1): Uint8Array => {
    const bytes = Buffer.alloc(ints?.length || floats?.length ? 4 : 1);
    if (ints?.length) bytes.writeInt32LE(ints[at] ?? 0);
    else if (floats?.length) bytes.writeFloatLE(Number(floats[at] ?? 0));
    else bytes.writeUInt8(bools?.[at] === true ? 1 : 0);
    return bytes;
  };
  return { false: element(0), true: element(1) };
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}

/** A complete configuration against what its artifact says; rules and texts of Triton's ONNX backend. */
import type { ArtifactFacts, TensorSpec } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { CONFIG_TYPE, shapeText } from "../inference/datatypes.ts";
import { checkControls, statesAsTensors } from "./check-sequence-tensors.ts";
import type { ConfigTensor, ModelConfigFields } from "./model-config.ts";
import { controlInputs } from "./sequence-definition.ts";

/** @throws StatusError INVALID_ARGUMENT with Triton's text */
export function checkAgainstArtifact(config: ModelConfigFields, facts: ArtifactFacts): void {
  if (facts.inputs === undefined || facts.outputs === undefined) return;
  const name = config.name ?? "";
  const states = statesAsTensors(config);
  const configured = [...(config.input ?? []), ...states.inputs];
  const made = madeInputs(config);
  // An optional input of an ONNX file replaces an initializer, which is not counted as an input.
  const required = configured.filter((tensor) => tensor.optional !== true);
  const expected = required.length + made.length + controlInputs(config).length;
  if (expected !== facts.inputs.length) {
    throw invalid(
      `unable to load model '${name}', configuration expects ${expected} inputs, ` +
        `model provides ${facts.inputs.length}`,
    );
  }
  for (const tensor of made) {
    const actual = facts.inputs.find((candidate) => candidate.name === tensor.name);
    if (actual === undefined) throw unexpected("input", tensor, facts.inputs);
    checkDatatype("input", tensor, actual, name);
  }
  checkControls(config, facts.inputs);
  const unstated = new Set(facts.unstatedShapes);
  const scattered = new Set(config.batch_output?.flatMap((output) => output.target_name ?? []));
  for (const [role, tensors, known] of [
    ["input", configured, facts.inputs],
    ["output", [...(config.output ?? []), ...states.outputs], facts.outputs],
  ] as const) {
    for (const tensor of tensors) {
      if (tensor.optional === true) throw optionalInput(tensor, config.max_batch_size ?? 0, name);
      const actual = known.find((candidate) => candidate.name === tensor.name);
      if (actual === undefined) throw unexpected(role, tensor, known);
      checkDatatype(role, tensor, actual, name);
      if (tensor.allow_ragged_batch === true) checkRagged(tensor, actual, name);
      else if (role === "output" && scattered.has(actual.name)) continue;
      else if (!unstated.has(actual.name)) {
        checkDims(tensor, actual.shape, config.max_batch_size ?? 0, name, role === "output");
      }
    }
  }
}

/** Triton serves none in models that batch, and ONNX Runtime for Node takes no values for initializers. */
function optionalInput(tensor: ConfigTensor, maxBatchSize: number, name: string): StatusError {
  const which = `unable to load model '${name}', optional input '${tensor.name}'`;
  if (maxBatchSize > 0) {
    return invalid(`${which} is not supported for models that support batching`);
  }
  return invalid(
    `${which} would replace a value inside the ONNX file, which this server cannot do: make it ` +
      "an input of the graph without an initializer, and not optional",
  );
}

/** Inputs of the model that the gateway makes, as tensors of the configuration. */
function madeInputs(config: ModelConfigFields): ConfigTensor[] {
  return (config.batch_input ?? []).flatMap(({ target_name: names = [], data_type = "" }) =>
    names.map((name) => ({ name, data_type })),
  );
}

/** Ragged rows are one axis in the model, without a batch axis. */
function checkRagged(tensor: ConfigTensor, { shape }: TensorSpec, name: string): void {
  if (shape.length === 1 && shape[0] === -1) return;
  const expects = `unable to load model '${name}', configuration expects model provides input with shape [-1] `;
  throw invalid(`${expects} for ragged input '${tensor.name}', model provides ${shapeText(shape)}`);
}

function unexpected(role: string, tensor: ConfigTensor, known: readonly TensorSpec[]): StatusError {
  const allowed = known.map((candidate) => candidate.name).sort();
  return invalid(
    `unexpected inference ${role} '${tensor.name}', allowed ${role}s are: ${allowed.join(", ")}`,
  );
}

function checkDatatype(role: string, tensor: ConfigTensor, actual: TensorSpec, name: string): void {
  if (tensor.data_type === CONFIG_TYPE[actual.datatype]) return;
  throw invalid(
    `unable to load model '${name}', configuration expects datatype ${tensor.data_type} for ` +
      `${role} '${tensor.name}', model provides TYPE_${actual.datatype}`,
  );
}

/** Outputs must agree in every axis; an input of any length may be narrowed. */
function checkDims(
  tensor: ConfigTensor,
  modelShape: readonly number[],
  maxBatchSize: number,
  name: string,
  exact: boolean,
): void {
  const dims = ((tensor.reshape === undefined ? tensor.dims : tensor.reshape.shape) ?? []).map(
    Number,
  );
  if (modelShape.length === 0 && maxBatchSize === 0) {
    if (dims.every((length) => length === 1)) return;
    throw invalid(
      `unable to load model '${name}', scalar tensor '${tensor.name}', should only provide 1 in ` +
        "the model configuration when the model doesn't support batching. Model configuration " +
        `provided: ${shapeText(dims)}.`,
    );
  }
  const which = `model '${name}', tensor '${tensor.name}': `;
  if (maxBatchSize > 0 && modelShape[0] !== -1) {
    throw invalid(
      `${which}for the model to support batching the shape should have at least 1 dimension and ` +
        `the first dimension must be -1; but shape expected by the model is ${shapeText(modelShape)}`,
    );
  }
  const full = maxBatchSize > 0 ? [-1, ...dims] : dims;
  const agrees =
    full.length === modelShape.length &&
    modelShape.every((length, axis) => (!exact && length === -1) || length === full[axis]);
  if (agrees) return;
  const provided =
    maxBatchSize > 0
      ? "dimensions (an initial batch dimension because max_batch_size > 0 followed by the " +
        `explicit tensor shape, making complete shape ${shapeText(full)})`
      : `dimensions (shape ${shapeText(full)})`;
  throw invalid(
    `${which}the model expects ${modelShape.length} dimensions (shape ${shapeText(modelShape)}) but the ` +
      `model configuration specifies ${full.length} ${provided}`,
  );
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

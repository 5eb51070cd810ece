/**
 * An ensemble against the models of its steps: Triton's ValidateEnsembleConfig,
 * with its texts. Tensors of a step are those of its complete configuration.
 */
import { StatusError } from "../errors.ts";
import { shapeText } from "../inference/datatypes.ts";
import type { EnsembleStep } from "../inference/ensemble-plan.ts";
import { type ConfigTensor, fieldsOf, withFields } from "./model-config.ts";
import type { ModelDefinition } from "./types.ts";

/** What is known of a tensor of the ensemble: from whom, and as what. */
interface TensorNode {
  /** The model whose configuration told datatype and shape. */
  readonly model: string;
  readonly datatype: string;
  readonly dims: readonly number[];
  /** With the batch axis where that model has one. */
  readonly fullDims: readonly number[];
}

/**
 * The ensemble as it serves: decoupled where a step is, with the class names of
 * its steps where its own configuration names none.
 * @param steps the definition of each of `plan.steps`, in order
 * @throws StatusError INVALID_ARGUMENT
 */
export function fitSteps(
  ensemble: ModelDefinition,
  steps: readonly ModelDefinition[],
): ModelDefinition {
  const { name, config, ensemble: plan } = ensemble;
  if (plan === undefined) return ensemble;
  const fields = fieldsOf(config);
  const most = fields.max_batch_size ?? 0;
  const tensors = new Map<string, TensorNode>();
  const flows = new Map<string, number>();
  for (const tensor of [...(fields.input ?? []), ...(fields.output ?? [])]) {
    tensors.set(tensor.name ?? "", nodeOf(tensor, name, most > 0));
  }
  for (const input of fields.input ?? []) flows.set(input.name ?? "", 0);
  for (const [index, step] of plan.steps.entries()) {
    const model = steps[index];
    if (model === undefined) throw new Error(`step ${index} of ensemble '${name}' has no model`);
    const limit = model.signature.maxBatchSize;
    // A model without a batch axis may be a step of an ensemble with one, where the full shapes agree.
    if (limit !== 0 && limit < most) {
      throw invalid(
        `ensemble ${name} allows maximum batch size ${most}, but it contains model ${step.model} ` +
          `which only allows maximum batch size to be ${limit}`,
      );
    }
    checkInputs(name, step, model, tensors);
    checkOutputs(name, step, model, tensors);
  }
  const decoupled = labelFlows(ensemble, steps, flows);
  return {
    ...ensemble,
    signature: { ...ensemble.signature, decoupled },
    config: withFields(config, { model_transaction_policy: decoupled ? { decoupled } : {} }),
    labels: labelsOf(ensemble, steps),
    // Any number of answers is nothing to keep.
    ...(decoupled ? { cacheResponses: false } : {}),
  };
}

function checkInputs(
  name: string,
  step: EnsembleStep,
  model: ModelDefinition,
  tensors: Map<string, TensorNode>,
): void {
  const { input: inputs = [] } = fieldsOf(model.config);
  for (const [input, tensor] of step.inputMap) {
    if (inputs.some((known) => known.name === input)) continue;
    throw invalid(
      `in ensemble ${name}, ensemble tensor ${tensor} is mapping to non-existing input ${input} ` +
        `in model ${step.model}`,
    );
  }
  for (const input of inputs) {
    const tensor = step.inputMap.get(input.name ?? "");
    if (tensor !== undefined) meet(name, tensor, input, model, tensors);
    else if (input.optional !== true) {
      throw invalid(
        `in ensemble ${name}, input ${input.name} in model ${step.model} is not mapped to any ensemble tensors`,
      );
    }
  }
}

function checkOutputs(
  name: string,
  step: EnsembleStep,
  model: ModelDefinition,
  tensors: Map<string, TensorNode>,
): void {
  const { output: outputs = [] } = fieldsOf(model.config);
  for (const [output, tensor] of step.outputMap) {
    const known = outputs.find((candidate) => candidate.name === output);
    if (known === undefined) {
      throw invalid(
        `in ensemble ${name}, ensemble tensor ${tensor} is mapped from non-existing output ${output} ` +
          `in model ${step.model}`,
      );
    }
    meet(name, tensor, known, model, tensors);
  }
}

/** A tensor of the ensemble meets a tensor of a step: datatype and shape must agree. */
function meet(
  ensemble: string,
  tensor: string,
  found: ConfigTensor,
  model: ModelDefinition,
  tensors: Map<string, TensorNode>,
): void {
  const right = nodeOf(found, model.name, model.signature.maxBatchSize > 0);
  const left = tensors.get(tensor);
  if (left === undefined) {
    tensors.set(tensor, right);
    return;
  }
  const where = `in ensemble ${ensemble}, ensemble tensor ${tensor}: inconsistent`;
  if (left.datatype !== right.datatype) {
    throw invalid(
      `${where} data type: ${left.datatype} is inferred from model ${left.model} while ` +
        `${right.datatype} is inferred from model ${right.model}`,
    );
  }
  if (agree(left.dims, right.dims) || agree(left.fullDims, right.fullDims)) return;
  throw invalid(
    `${where} shape: ${shapeText(left.fullDims)} is inferred from model ${left.model} while ` +
      `${shapeText(right.fullDims)} is inferred from model ${right.model}`,
  );
}

/** Axes of any length fit: what they really are is checked with each request. */
function agree(left: readonly number[], right: readonly number[]): boolean {
  return (
    left.length === right.length &&
    left.every((length, axis) => length === -1 || right[axis] === -1 || length === right[axis])
  );
}

function nodeOf(tensor: ConfigTensor, model: string, batched: boolean): TensorNode {
  const dims = (tensor.dims ?? []).map(Number);
  return {
    model,
    datatype: tensor.data_type ?? "",
    dims,
    fullDims: batched ? [-1, ...dims] : dims,
  };
}

/**
 * Follows the tensors through the steps. A decoupled step begins a new flow: it
 * answers any number of times, and each answer goes on by itself; so a step takes
 * all its inputs from one flow, and so does the answer.
 * @param flows by tensor; 0 for those of the request itself
 * @returns whether the answer belongs to another flow than the request
 */
function labelFlows(
  { name, config, ensemble }: ModelDefinition,
  steps: readonly ModelDefinition[],
  flows: Map<string, number>,
): boolean {
  let newest = 0;
  const flowOf = (consumer: string, tensors: Iterable<string>): number => {
    const found = [...new Set([...tensors].map((tensor) => flows.get(tensor) ?? 0))];
    if (found.length === 1) return found[0] ?? 0;
    throw invalid(
      `in ensemble ${name}, step of model '${consumer}' receives inputs originated from different decoupled models`,
    );
  };
  // `check-ensemble.ts` made sure that every step is reached.
  const left = new Set((ensemble?.steps ?? []).entries());
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const entry of left) {
      const [index, step] = entry;
      if ([...step.inputMap.values()].some((tensor) => !flows.has(tensor))) continue;
      const flow = flowOf(step.model, step.inputMap.values());
      const own = steps[index]?.signature.decoupled === true ? ++newest : flow;
      for (const tensor of step.outputMap.values()) flows.set(tensor, own);
      left.delete(entry);
    }
  }
  const outputs = (fieldsOf(config).output ?? []).map((output) => output.name ?? "");
  return flowOf(name, outputs) !== 0;
}

function labelsOf(
  { ensemble, labels = new Map() }: ModelDefinition,
  steps: readonly ModelDefinition[],
): ReadonlyMap<string, readonly string[]> {
  const all = new Map(labels);
  for (const [index, step] of (ensemble?.steps ?? []).entries()) {
    for (const [output, tensor] of step.outputMap) {
      const known = steps[index]?.labels?.get(output);
      if (known !== undefined && !all.has(tensor)) all.set(tensor, known);
    }
  }
  return all;
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

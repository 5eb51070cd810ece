/** `batch_input` and `batch_output` against the tensors they speak of; rules and texts of Triton's ValidateBatchIO. */
import type { ConfigTensor, ModelConfigFields } from "./model-config.ts";

/** @returns what is wrong, or undefined. Rules that Triton finds out by crashing are ours. */
export function batchIoProblem(config: ModelConfigFields): string | undefined {
  return inputProblem(config) ?? outputProblem(config);
}

function inputProblem({ batch_input: rules = [], input = [] }: ModelConfigFields) {
  const taken = new Set(input.map(({ name }) => name));
  for (const rule of rules) {
    const { kind = "BATCH_ELEMENT_COUNT", source_input: sources = [], data_type: type } = rule;
    if (sources.length !== 1) {
      return `batch input kind '${kind}' expects 1 source input, got ${sources.length}`;
    }
    if (type !== "TYPE_INT32" && type !== "TYPE_FP32") {
      return "batch input data type must be TYPE_INT32 or TYPE_FP32";
    }
    const unknown = sourceProblem(sources, input);
    if (unknown !== undefined) return unknown;
    const { target_name: targets = [] } = rule;
    if (targets.length === 0) return `batch input of kind '${kind}' must specify 'target_name'`;
    for (const target of targets) {
      if (taken.has(target)) {
        return `batch input target '${target}' is an input already: the server makes it, no client sends it`;
      }
      taken.add(target);
    }
  }
  return undefined;
}

function outputProblem({ batch_output: rules = [], input = [], output = [] }: ModelConfigFields) {
  const taken = new Set<string>();
  for (const { source_input: sources = [], target_name: targets = [] } of rules) {
    if (sources.length !== 1) {
      return `batch output kind 'BATCH_SCATTER_WITH_INPUT_SHAPE' expects 1 source input, got ${sources.length}`;
    }
    const unknown = sourceProblem(sources, input);
    if (unknown !== undefined) return unknown;
    const axes = input.find(({ name }) => name === sources[0])?.dims?.length ?? 0;
    for (const target of targets) {
      const tensor = output.find(({ name }) => name === target);
      if (tensor === undefined) return `unknown target output name '${target}'`;
      if (taken.has(target)) return `target output name '${target}' can only be specified once`;
      taken.add(target);
      if ((tensor.dims ?? []).lastIndexOf("-1") >= axes) {
        return `batch output '${target}' has an axis of any length which its source input '${sources[0]}' does not have`;
      }
    }
  }
  return undefined;
}

function sourceProblem(
  sources: readonly string[],
  inputs: readonly ConfigTensor[],
): string | undefined {
  for (const source of sources) {
    const tensor = inputs.find(({ name }) => name === source);
    if (tensor === undefined) return `unknown source input name '${source}'`;
    if (tensor.optional === true) {
      return `source input '${source}' is optional: a request without it would have no shape to go by`;
    }
  }
  return undefined;
}

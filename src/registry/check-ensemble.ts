/**
 * Whether the steps of an ensemble make a pipeline, looked at on their own:
 * Triton's ValidateEnsembleSchedulingConfig, in its order and with its texts.
 * What concerns the models behind the steps is in `check-steps.ts`.
 */
import { StatusError } from "../errors.ts";
import type { ConfigEnsembleStep, ModelConfigFields } from "./model-config.ts";

export const ENSEMBLE_PLATFORM = "ensemble";

export function isEnsemble(config: ModelConfigFields): boolean {
  return config.platform === ENSEMBLE_PLATFORM || config.ensemble_scheduling !== undefined;
}

/** @throws StatusError INVALID_ARGUMENT */
export function checkEnsemble(config: ModelConfigFields): void {
  const { name = "", ensemble_scheduling: ensemble, platform } = config;
  if (ensemble === undefined) {
    throw invalid(
      `ensemble scheduling must be set for ensemble ${name} whose platform is ${ENSEMBLE_PLATFORM}`,
    );
  }
  if (platform !== undefined && platform !== ENSEMBLE_PLATFORM) {
    throw invalid(
      `ensemble scheduling cannot be set for model '${name}' whose platform is not ${ENSEMBLE_PLATFORM}`,
    );
  }
  if ((config.instance_group ?? []).length > 0) {
    throw invalid(`instance group should not be specified for ensemble '${name}'`);
  }
  if (config.optimization !== undefined) {
    throw invalid(`optimization should not be specified for ensemble '${name}'`);
  }
  if ((config.model_warmup ?? []).length > 0) {
    throw invalid(`model_warmup can not be specified for ensemble '${name}'`);
  }
  const steps = ensemble.step ?? [];
  if (steps.length === 0) throw invalid(`must specify 'step' for ensemble '${name}'`);
  const graph = graphOf(steps, name);
  // Without tensors of its own it is refused later, in words that say so.
  if (config.input !== undefined || config.output !== undefined) checkFlow(config, graph);
}

/** What a tensor of the ensemble is made of, and what is made of it. */
interface TensorNode {
  written: boolean;
  ready: boolean;
  readonly from: TensorNode[];
  readonly to: TensorNode[];
}

function graphOf(steps: readonly ConfigEnsembleStep[], name: string): Map<string, TensorNode> {
  const tensors = new Map<string, TensorNode>();
  const tensor = (key: string): TensorNode => {
    const node = tensors.get(key) ?? { written: false, ready: false, from: [], to: [] };
    tensors.set(key, node);
    return node;
  };
  for (const [index, step] of steps.entries()) {
    const where = `in step ${index} of ensemble '${name}'`;
    const inputs = Object.values(step.input_map ?? {});
    const outputs = Object.values(step.output_map ?? {});
    if ((step.model_name ?? "") === "") throw invalid(`must specify 'model_name' ${where}`);
    if (inputs.length === 0) throw invalid(`must specify 'input_map' ${where}`);
    if (outputs.length === 0) throw invalid(`must specify 'output_map' ${where}`);
    const made = outputs.map((key) => {
      const node = tensor(key);
      if (node.written) {
        throw invalid(
          `ensemble tensor '${key}' can appear in an output map only once for ensemble '${name}' step ${index}`,
        );
      }
      node.written = true;
      return node;
    });
    for (const source of inputs.map(tensor)) {
      source.to.push(...made);
      for (const output of made) output.from.push(source);
    }
  }
  return tensors;
}

function checkFlow(config: ModelConfigFields, tensors: ReadonlyMap<string, TensorNode>): void {
  const { name = "", input = [], output = [] } = config;
  const find = (role: string, key: string) => {
    const node = tensors.get(key);
    if (node !== undefined) return node;
    throw invalid(`ensemble ${role} '${key}' for ensemble ${name} is not used`);
  };
  const reached = input.map((tensor) => find("input", tensor.name ?? ""));
  for (const node of reached) node.ready = true;
  for (const node of reached) {
    for (const next of node.to) {
      if (next.ready || next.from.some((source) => !source.ready)) continue;
      next.ready = true;
      reached.push(next);
    }
  }
  const outputs = new Set(output.map((tensor) => tensor.name ?? ""));
  for (const key of outputs) {
    if (find("output", key).ready) continue;
    throw invalid(`output '${key}' for ensemble '${name}' is not written`);
  }
  for (const [key, node] of tensors) {
    if (outputs.has(key) || (node.ready && node.to.length > 0)) continue;
    throw invalid(`ensemble tensor '${key}' is unused in ensemble '${name}'`);
  }
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}

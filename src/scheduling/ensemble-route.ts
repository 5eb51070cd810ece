/**
 * Which steps of an ensemble run for the outputs that a request asks for, and who
 * takes which tensor. A step none of whose outputs lead anywhere is left out, as in
 * Triton.
 */
import type { EnsemblePlan, EnsembleStep } from "../inference/ensemble-plan.ts";

export interface RouteStep {
  readonly step: EnsembleStep;
  /** Outputs of the step that are wanted, in the order of its map. */
  readonly outputs: readonly string[];
}

export interface Route {
  /** undefined: left out. Positions are those of the plan. */
  readonly steps: readonly (RouteStep | undefined)[];
  /** Tensor of the ensemble → steps that take it. */
  readonly takers: ReadonlyMap<string, readonly number[]>;
}

/** @param outputs tensors of the ensemble that are to be answered */
export function routeTo(plan: EnsemblePlan, outputs: readonly string[]): Route {
  const wanted = new Set(outputs);
  const taken = plan.steps.map(() => false);
  for (let before = -1; before !== wanted.size; ) {
    before = wanted.size;
    for (const [index, step] of plan.steps.entries()) {
      if (taken[index] || ![...step.outputMap.values()].some((tensor) => wanted.has(tensor))) {
        continue;
      }
      taken[index] = true;
      for (const tensor of step.inputMap.values()) wanted.add(tensor);
      // A step without new inputs may still be the only way to another one.
      before = -1;
    }
  }
  const takers = new Map<string, number[]>();
  const steps = plan.steps.map((step, index) => {
    if (!taken[index]) return undefined;
    for (const tensor of new Set(step.inputMap.values())) {
      const known = takers.get(tensor);
      if (known === undefined) takers.set(tensor, [index]);
      else known.push(index);
    }
    const names = [...step.outputMap].flatMap(([name, to]) => (wanted.has(to) ? [name] : []));
    return { step, outputs: names };
  });
  return { steps, takers };
}

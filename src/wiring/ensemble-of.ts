/** Which ensemble a model is a step of. */
import type { ServedModel } from "../registry/types.ts";

/** @returns the name of the first one served; undefined: of none */
export function ensembleOf(
  model: string,
  served: readonly ServedModel<unknown>[],
): string | undefined {
  for (const { definition } of served) {
    if (definition.ensemble?.steps.some((step) => step.model === model)) return definition.name;
  }
  return undefined;
}

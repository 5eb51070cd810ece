/** Which models an ensemble needs, and who needs a model. */
import { fieldsOf } from "./model-config.ts";
import type { ModelConfigObject, ServedModel } from "./types.ts";

/** Models of the steps that a configuration names, each once; none for what is no ensemble. */
export function stepModels(config: ModelConfigObject): readonly string[] {
  const { step = [] } = fieldsOf(config).ensemble_scheduling ?? {};
  return [...new Set(step.map(({ model_name: model = "" }) => model))];
}

/** True where a step of something that serves is that model. */
export function isNeeded(model: string, served: Iterable<ServedModel<unknown>>): boolean {
  for (const { definition } of served) {
    if (definition.ensemble?.steps.some((step) => step.model === model) === true) return true;
  }
  return false;
}

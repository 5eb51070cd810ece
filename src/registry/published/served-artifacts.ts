/** Which artifacts stand behind a version that serves. */
import type { ModelDefinition, VariantDefinition } from "../types.ts";

/** Empty digests: of what lies in a folder and was never hashed. */
export function artifactsOf(
  definition: ModelDefinition,
): readonly Pick<VariantDefinition, "name" | "artifact">[] {
  const { variants, only, backendKind, artifact } = definition;
  return variants ?? [only ?? { name: backendKind, artifact }];
}

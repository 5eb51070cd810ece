/** What a span tells of a model beyond its name: which backend served the request, with which artifact. */
import type { ModelDefinition } from "../registry/types.ts";

/**
 * Nothing where the model is gone by then, or where it has several variants and none of them served.
 * @param find throws where there is no such model any more
 * @param variant what served, where it was one of several
 */
export function aboutModel(
  find: () => ModelDefinition,
  variant: string | undefined,
): Record<string, string> {
  try {
    const definition = find();
    const { variants } = definition;
    if (variants === undefined) return backendAndArtifact(definition);
    const served = variants.find(({ name }) => name === variant);
    return served ? { ...backendAndArtifact(served), "beamgate.variant": served.name } : {};
  } catch {
    return {};
  }
}

const backendAndArtifact = ({
  backendKind,
  artifact,
}: Pick<ModelDefinition, "backendKind" | "artifact">) => ({
  "beamgate.backend": backendKind,
  "beamgate.artifact": artifact.format,
});

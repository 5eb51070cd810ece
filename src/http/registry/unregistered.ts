/** What serves from folders in Triton's layout, as rows beside those of the registry. */
import type { CatalogSnapshot } from "../../registry/catalog/registry.ts";
import type { ModelDefinition, VariantDefinition } from "../../registry/types.ts";
import type { ListedArtifact } from "./listed.ts";

/**
 * @param snapshot what is registered: it is listed as that
 * @returns a row a variant; one for an ensemble
 */
export function unregistered(
  served: readonly { readonly definition: ModelDefinition }[],
  snapshot: CatalogSnapshot,
): readonly ListedArtifact[] {
  const registered = new Map(
    snapshot.models.map(({ model }) => [model.name, model.versions] as const),
  );
  return served.flatMap(({ definition }) => {
    const { name, version } = definition;
    if (registered.get(name)?.[version] !== undefined) return [];
    return variantsOf(definition).map((variant) => rowOf(name, version, variant));
  });
}

function variantsOf(definition: ModelDefinition): readonly VariantDefinition[] {
  const { variants, only, backendKind, artifact, ensemble } = definition;
  if (variants !== undefined) return variants;
  if (only !== undefined) return [only];
  const kind = ensemble === undefined ? backendKind : "ensemble";
  return [{ name: kind, backendKind: kind, artifact, numericClass: "-" }];
}

function rowOf(name: string, version: string, variant: VariantDefinition): ListedArtifact {
  const { artifact, numericClass } = variant;
  return {
    name,
    version,
    vendor: variant.vendor ?? artifact.manifest?.vendor ?? "-",
    variant: variant.name,
    platform: artifact.platform || "-",
    format: artifact.format || "-",
    numericClass,
    state: "served",
    ...(artifact.digest === "" ? {} : { digest: artifact.digest }),
  };
}

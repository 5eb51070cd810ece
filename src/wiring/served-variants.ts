/** The artifacts of the models that serve, with the devices that have them now. */
import type { VariantFigures } from "../inference/dashboard-report.ts";
import type { ServedModel, VariantDefinition } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";

type ServedVariant = Omit<VariantFigures, "requestsPerSecond">;

/** Those that no device here took come last, with the reason. An ensemble has none: its steps have. */
export function* servedVariants(served: Iterable<ServedModel<Served>>): Generator<ServedVariant> {
  for (const { definition, loaded } of served) {
    const { name: model, version } = definition;
    for (const variant of variantsOf(definition)) {
      const here = devicesOf(loaded, variant);
      if (here === undefined) continue;
      const [device] = here;
      yield {
        ...{ model, version, variant: variant.name, numericClass: variant.numericClass },
        vendor: variant.vendor ?? variant.artifact.manifest?.vendor ?? device?.vendor ?? "–",
        platform: variant.artifact.platform || (device?.platform ?? "–"),
        ...(variant.artifact.digest === "" ? {} : { digest: variant.artifact.digest }),
        emulated: here.some(({ emulated }) => emulated === true),
        devices: [...new Set(here.map(({ id }) => id))],
        instances: here.length,
      };
    }
    for (const { name, digest, reason, ...about } of [
      ...(loaded.absent ?? []),
      ...(loaded.absent === undefined ? (definition.absent ?? []) : []),
    ]) {
      yield {
        ...{ model, version, variant: name, ...about },
        ...(digest === undefined || digest === "" ? {} : { digest }),
        ...{ emulated: false, devices: [], instances: 0, absent: reason },
      };
    }
  }
}

type About = ServedModel<Served>["loaded"]["instances"][number]["report"]["device"];

/** undefined: it was left out when the model was loaded. */
function devicesOf(loaded: Served, { name }: VariantDefinition): readonly About[] | undefined {
  if (loaded.poolOf === undefined) return loaded.instances.map(({ report }) => report.device);
  return loaded.poolOf(name)?.lanes.map(({ instance }) => instance.report.device);
}

function variantsOf(definition: ServedModel<Served>["definition"]): readonly VariantDefinition[] {
  const { variants, only, backendKind, artifact, ensemble } = definition;
  if (ensemble !== undefined) return [];
  if (variants !== undefined) return variants;
  const numericClass = definition.parameters["numeric_class"] ?? "–";
  return [only ?? { name: backendKind, backendKind, artifact, numericClass }];
}

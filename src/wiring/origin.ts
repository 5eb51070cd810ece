/** What answers tell of where they come from: response parameters, see `inference/provenance.ts`. */
import type { Parameter, Parameters } from "../inference/request.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import type { Origin } from "../scheduling/endings.ts";
import type { Instance } from "../workers/types.ts";

/** Where a model's answers get their origin from. */
export type OriginOf = (
  definition: Pick<ModelDefinition, "name" | "version">,
  variant: VariantDefinition,
) => Origin;

export interface OriginParts {
  /** Of a file, see `KnownDigests.of`: asked for what nobody has hashed, in the background. */
  digestOf(path: string): Promise<string>;
  /** Of the model's record in the registry of models; undefined: it was never registered. */
  generationOf?(model: string): number | undefined;
}

/**
 * `beamgate_variant`, `_class`, `_vendor`, `_device`, `_emulated` (software stood in for silicon), `_artifact`
 * once its digest is known, and `_generation` of a registered model.
 */
export function originOf({ digestOf, generationOf }: OriginParts): OriginOf {
  return ({ name: model }, variant) => {
    const { name, artifact, numericClass } = variant;
    const stated = variant.vendor ?? artifact.manifest?.vendor;
    let digest = artifact.digest === "" ? undefined : artifact.digest;
    let found = digest;
    // What is no file has none, and answers tell less.
    const wait = digest === undefined ? digestOf(artifact.path) : undefined;
    wait?.then(
      (hashed) => {
        found = hashed;
      },
      () => undefined,
    );
    let generation: number | undefined;
    let lastInstance: Instance | undefined;
    let last: Parameters | undefined;
    /** The same object for the same device: encoders recognise it. */
    const known = new Map<string, Parameters>();
    return (instance) => {
      const generationNow = generationOf?.(model);
      if (digest !== found || generation !== generationNow) {
        digest = found;
        generation = generationNow;
        last = undefined;
        known.clear();
      }
      if (last !== undefined && lastInstance === instance) return last;
      const { id, emulated = false, vendor } = instance.report.device;
      let parameters = known.get(id);
      if (parameters === undefined) {
        parameters = parametersOf({
          variant: name,
          class: numericClass,
          vendor: stated === undefined || stated === "any" ? vendor : stated,
          device: id,
          emulated,
          artifact: digest,
          generation,
        });
        known.set(id, parameters);
      }
      lastInstance = instance;
      last = parameters;
      return parameters;
    };
  };
}

function parametersOf(
  facts: Readonly<Record<string, string | boolean | number | undefined>>,
): Parameters {
  const parameters = new Map<string, Parameter>();
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined) continue;
    parameters.set(`beamgate_${name}`, parameterOf(value));
  }
  return parameters;
}

function parameterOf(value: string | boolean | number): Parameter {
  if (typeof value === "string") return { type: "string", value };
  return typeof value === "boolean" ? { type: "bool", value } : { type: "int64", value };
}

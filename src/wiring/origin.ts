/** What an answer of a model with several variants tells of where it comes from: response parameters. */
import type { Parameter, Parameters } from "../inference/request.ts";
import type { VariantDefinition } from "../registry/types.ts";
import type { Origin } from "../scheduling/endings.ts";
import type { Instance } from "../workers/types.ts";

/** `beamgate_variant`, `_artifact`, `_device`, `_class`, and `_emulated` where software stood in for silicon. */
export function originOf({ name, artifact, numericClass }: VariantDefinition): Origin {
  // The same object for the same instance: encoders recognise it.
  const known = new WeakMap<Instance, Parameters>();
  return (instance) => {
    const before = known.get(instance);
    if (before !== undefined) return before;
    const { id, emulated } = instance.report.device;
    const parameters = new Map<string, Parameter>([
      ["beamgate_variant", { type: "string", value: name }],
      ["beamgate_class", { type: "string", value: numericClass }],
      ["beamgate_device", { type: "string", value: id }],
    ]);
    if (artifact.digest !== "") {
      parameters.set("beamgate_artifact", { type: "string", value: artifact.digest });
    }
    if (emulated === true) parameters.set("beamgate_emulated", { type: "bool", value: true });
    known.set(instance, parameters);
    return parameters;
  };
}

/** A variant as it is configured, against the manifest of its artifact. */
import {
  type ArtifactManifest,
  BackendError,
  type ManifestTensor,
  type ModelVariant,
  type TensorSpec,
} from "../../contract.ts";

/** @throws BackendError `artifact` naming the tensor that does not agree */
export function checkVariant(variant: ModelVariant, manifest: ArtifactManifest): void {
  if (variant.decoupled === true)
    throw misfit("a kernel gives one response a request, not several");
  checkTensors("input", variant.inputs, manifest.inputs);
  checkTensors("output", variant.outputs, manifest.outputs);
}

function checkTensors(
  role: string,
  configured: readonly TensorSpec[],
  given: readonly ManifestTensor[],
): void {
  for (const { name } of given) {
    if (role === "output" || configured.some((spec) => spec.name === name)) continue;
    throw misfit(`the kernel wants an input "${name}" that is not configured`);
  }
  for (const spec of configured) {
    const tensor = given.find(({ name }) => name === spec.name);
    if (tensor === undefined) {
      const names = given.map(({ name }) => `"${name}"`).join(", ");
      throw misfit(`no ${role} "${spec.name}" in the manifest; it has ${names}`);
    }
    if (spec.unbatched === true) throw misfit(`${role} "${spec.name}": boards take rows only`);
    const same =
      spec.datatype === tensor.datatype &&
      spec.shape.length === tensor.shape.length &&
      spec.shape.every((length, axis) => length === -1 || length === tensor.shape[axis]);
    if (same) continue;
    throw misfit(
      `${role} "${spec.name}": configured ${show(spec)}, the manifest has ${show(tensor)}`,
    );
  }
}

function show({ datatype, shape }: { datatype: string; shape: readonly number[] }): string {
  return `${datatype} [${shape.join(", ")}]`;
}

function misfit(reason: string): BackendError {
  return new BackendError("artifact", reason);
}

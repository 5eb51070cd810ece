/** The tensors of a variant whose artifact does not state them. */
import type {
  ArtifactFacts,
  ArtifactManifest,
  ManifestTensor,
  TensorSpec,
} from "../../contract.ts";

/** Rows of several requests can be joined: the host pads to what the kernel wants. */
export function manifestTensors(
  manifest: ArtifactManifest,
): Pick<ArtifactFacts, "inputs" | "outputs" | "batchable"> {
  return {
    inputs: manifest.inputs.map(withRows),
    outputs: manifest.outputs.map(withRows),
    batchable: true,
  };
}

function withRows({ name, datatype, shape }: ManifestTensor): TensorSpec {
  return { name, datatype, shape: [-1, ...shape] };
}

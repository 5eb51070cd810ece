/** Whether a manifest fits the tensors of a compiled graph. */
import type { Place } from "../../common/artifact-file/place.ts";
import { CORRECT } from "../../common/kernel-manifest/kernel-facts.ts";
import type { ArtifactManifest, ManifestTensor } from "../../contract.ts";
import type { XirTensor } from "./xir-tensor.ts";

interface Signature {
  readonly inputs: readonly XirTensor[];
  readonly outputs: readonly XirTensor[];
}

/** @throws BackendError `artifact`, one for each kind of disagreement */
export function checkXmodelManifest(
  place: Place,
  manifest: ArtifactManifest,
  graph: Signature,
): void {
  const where = place.part("manifest.json");
  if (manifest.kernel !== undefined) {
    throw where.refusal("a kernel, expected none: a DPU model is not driven by OpenCL", CORRECT);
  }
  checkTensors(where, "input", manifest.inputs, graph.inputs);
  checkTensors(where, "output", manifest.outputs, graph.outputs);
}

function checkTensors(
  place: Place,
  role: string,
  declared: readonly ManifestTensor[],
  found: readonly XirTensor[],
): void {
  if (declared.length !== found.length) {
    throw place.refusal(
      `${declared.length} ${role}s, expected ${found.length} as the graph has`,
      CORRECT,
    );
  }
  for (const tensor of declared) {
    const actual = found.find(({ name }) => name === tensor.name);
    if (actual === undefined) {
      const names = found.map(({ name }) => `'${name}'`).join(", ");
      throw place.refusal(`${role} '${tensor.name}', expected ${names}`, CORRECT);
    }
    checkTensor(place.part(`${role} '${tensor.name}'`), tensor, actual);
  }
}

function checkTensor(place: Place, tensor: ManifestTensor, actual: XirTensor): void {
  const [, ...row] = actual.shape;
  if (tensor.shape.length !== row.length || tensor.shape.some((length, i) => length !== row[i])) {
    throw place.refusal(
      `shape [${tensor.shape.join(", ")}], expected [${row.join(", ")}] behind the batch axis`,
      CORRECT,
    );
  }
  const { encoding } = tensor;
  if (encoding === undefined) {
    if (actual.datatype === undefined || actual.datatype === tensor.datatype) return;
    throw place.refusal(`datatype ${tensor.datatype}, expected ${actual.datatype}`, CORRECT);
  }
  const { bitWidth, fixPoint } = actual;
  if (bitWidth === undefined || fixPoint === undefined) {
    throw place.refusal("an encoding, expected none: the tensor has no fixed point", CORRECT);
  }
  if (encoding.w !== bitWidth || encoding.w - encoding.i !== fixPoint) {
    throw place.refusal(
      `an encoding of w ${encoding.w} and i ${encoding.i}, expected w ${bitWidth} and ` +
        `i ${bitWidth - fixPoint}`,
      CORRECT,
    );
  }
}

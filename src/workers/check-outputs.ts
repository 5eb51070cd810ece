/** Whether what a model returned is what its configuration promises. */
import {
  BYTES_PER_ELEMENT,
  type ModelVariant,
  type Tensor,
  type TensorSpec,
} from "../../backends/contract.ts";
import { elementCount } from "../inference/shapes.ts";

/** The first thing wrong with `outputs`, for the person who wrote the configuration; undefined: nothing. */
export function wrongWithOutputs(
  variant: ModelVariant,
  outputs: readonly Tensor[],
  rows: number,
): string | undefined {
  if (outputs.length !== variant.outputs.length) {
    return `${variant.outputs.length} outputs are configured, the model returned ${outputs.length}`;
  }
  for (const [i, spec] of variant.outputs.entries()) {
    const batched = variant.maxBatchSize > 0 && spec.unbatched !== true;
    const wrong = wrongWithOutput(spec, outputs[i], batched ? rows : undefined);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function wrongWithOutput(
  spec: TensorSpec,
  tensor: Tensor | undefined,
  rows: number | undefined,
): string | undefined {
  if (tensor?.name !== spec.name) return `output "${spec.name}" is missing`;
  const expected = rows === undefined ? spec.shape : [rows, ...spec.shape];
  // Without a batch axis in a model that has one, only the number of elements counts.
  const fits =
    tensor.datatype === spec.datatype &&
    (spec.unbatched === true ||
      (tensor.shape.length === expected.length &&
        expected.every((dim, axis) => dim < 0 || dim === tensor.shape[axis])));
  if (!fits) {
    return (
      `output "${spec.name}": expected ${spec.datatype} [${expected.join(", ")}], ` +
      `the model returned ${tensor.datatype} [${tensor.shape.join(", ")}]`
    );
  }
  return wrongWithBytes(tensor);
}

/** What no rows of clients can be cut from, whatever the configuration promises; undefined: nothing wrong. */
export function wrongWithBytes({ name, datatype, shape, data }: Tensor): string | undefined {
  if (datatype === "BYTES") return undefined;
  const sizeBytes = elementCount(shape) * BYTES_PER_ELEMENT[datatype];
  if (data.byteLength === sizeBytes) return undefined;
  return `output "${name}": ${data.byteLength} bytes instead of ${sizeBytes}`;
}

/** Name, type, dims and reshape of one tensor of a configuration; rules and texts of Triton's ValidateIOShape. */
import { datatypeOfConfig } from "../inference/datatypes.ts";
import type { ConfigTensor } from "./model-config.ts";

/**
 * @param scalars tensors that have no axes beside the batch axis in the artifact: they need no dims
 * @returns what is wrong, or undefined
 */
export function checkShape(
  tensor: ConfigTensor,
  role: "input" | "output",
  maxBatchSize: number,
  scalars: ReadonlySet<string>,
): string | undefined {
  const name = tensor.name ?? "";
  if (name === "") return `model ${role} must specify 'name'`;
  const which = `model ${role} '${name}'`;
  if (datatypeOfConfig(tensor.data_type ?? "") === undefined) {
    return `${which} must specify 'data_type'`;
  }
  const dims = (tensor.dims ?? []).map(Number);
  if (dims.length === 0 && !scalars.has(name)) return `${which} must specify 'dims'`;
  if (dims.some((length) => !isLength(length))) {
    return `${which} dimension must be integer >= 1, or -1 to indicate a variable-size dimension`;
  }
  if (tensor.reshape === undefined) return undefined;
  const shape = (tensor.reshape.shape ?? []).map(Number);
  if (shape.length === 0 && maxBatchSize === 0) {
    return (
      `${which} cannot have empty reshape for non-batching model as scalar tensors are not ` +
      "supported"
    );
  }
  if (shape.some((length) => !isLength(length))) {
    return (
      `${which} reshape dimensions must be integer >= 1, or -1 to indicate a variable-size ` +
      "dimension"
    );
  }
  const before = trunks(dims);
  const after = trunks(shape);
  if ((before.length === 1) !== (after.length === 1)) {
    return `${which} has different size for dims and reshape`;
  }
  if (before.length !== after.length) {
    return `${which} has different number of variable-size dimensions for dims and reshape`;
  }
  return before.every((count, index) => count === after[index])
    ? undefined
    : `${which} has different size for dims and reshape`;
}

const isLength = (length: number) => length === -1 || (length >= 1 && Number.isSafeInteger(length));

/** Elements between the axes of any length: [2, 4, -1, 6] has 8 and 6. */
function trunks(shape: readonly number[]): bigint[] {
  const counts: bigint[] = [];
  let current = 1n;
  for (const length of shape) {
    if (length === -1) {
      counts.push(current);
      current = 1n;
    } else current *= BigInt(length);
  }
  counts.push(current);
  return counts;
}

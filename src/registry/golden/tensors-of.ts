/** Rows of golden inputs as the tensors of one batch. */
import type { Tensor } from "../../../backends/contract.ts";
import type { ModelSignature } from "../../inference/request.ts";

/**
 * @param shapeOf a row of an input, as the file has it
 * @param inputs raw elements of `rows` rows; optional inputs may be missing
 */
export function tensorsOf(
  { inputs: specs, maxBatchSize }: Pick<ModelSignature, "inputs" | "maxBatchSize">,
  shapeOf: (input: string) => readonly number[],
  inputs: ReadonlyMap<string, Uint8Array>,
  rows: number,
): Tensor[] {
  const leading = maxBatchSize > 0 ? [rows] : [];
  return specs.flatMap(({ name, datatype }) => {
    const data = inputs.get(name);
    return data === undefined
      ? []
      : [{ name, datatype, shape: [...leading, ...shapeOf(name)], data }];
  });
}

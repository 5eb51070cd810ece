/** Rows of golden inputs as the requests of one batch. */
import type { Tensor } from "../../../backends/contract.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { slicesOf } from "./rows-of.ts";

type Takes = Pick<ModelSignature, "inputs" | "made" | "maxBatchSize">;

/**
 * True where a request with several rows is not the same to the model as several with one: ragged rows lie end to
 * end, and what is made for a batch (`batch_input`) is a number a request; a shape tensor is one for all its rows.
 */
export function hasRowsApart({ inputs, made = [] }: Pick<Takes, "inputs" | "made">): boolean {
  return (
    inputs.some(({ ragged, shapeTensor }) => ragged === true || shapeTensor === true) ||
    made.some(({ from }) => from === "batch")
  );
}

/**
 * One request with all the rows, or one a row where those are apart.
 * @param shapeOf a row of an input, as the file has it
 * @param inputs raw elements of `rows` rows; optional inputs may be missing
 */
export function requestsOf(
  signature: Takes,
  shapeOf: (input: string) => readonly number[],
  inputs: ReadonlyMap<string, Uint8Array>,
  rows: number,
): readonly (readonly Tensor[])[] {
  const rowsEach = hasRowsApart(signature) ? 1 : rows;
  const given = signature.inputs.flatMap(({ name, datatype, shapeTensor }) => {
    const data = inputs.get(name);
    if (data === undefined) return [];
    const rowShape = shapeOf(name);
    const leading = signature.maxBatchSize > 0 && shapeTensor !== true ? [rowsEach] : [];
    const shape = [...leading, ...rowShape];
    return [{ name, datatype, shape, slices: slicesOf(datatype, rowShape, data) }];
  });
  return Array.from({ length: rows / rowsEach }, (_, at) =>
    given.map(({ slices, ...tensor }) => ({
      ...tensor,
      data: slices.slice(at * rowsEach, (at + 1) * rowsEach),
    })),
  );
}

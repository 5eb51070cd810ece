/** Shapes on the way between steps with and without a batch axis (Triton's ReshapeTensorDims). */

/**
 * Passed on as they are but for two cases: a model with a batch axis gets one of
 * length 1 where the tensor has exactly its shape without it; and a model without
 * one does not get an axis of length 1 that it does not expect.
 * @param expected shape in the configuration of whoever gets the tensor, without the batch axis
 * @param batched whether whoever gets it has a batch axis
 * @param rows of the tensor; 0 where it comes from a model without a batch axis
 */
export function fitShape(
  expected: readonly number[],
  batched: boolean,
  rows: number,
  shape: readonly number[],
): readonly number[] {
  if (batched === rows > 0) return shape;
  const exact = fits(expected, shape);
  if (batched) return exact ? [1, ...shape] : shape;
  return !exact && rows === 1 ? shape.slice(1) : shape;
}

function fits(expected: readonly number[], shape: readonly number[]): boolean {
  return (
    expected.length === shape.length &&
    expected.every((length, axis) => length === -1 || length === shape[axis])
  );
}

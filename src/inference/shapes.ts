/** Shapes as lists of lengths: how many elements, and the same elements in other axes. */

export function elementCount(shape: readonly number[]): number {
  let elements = 1;
  for (const length of shape) elements *= length;
  return elements;
}

/**
 * A full shape that fits `from` as the shape that `to` describes: the lengths
 * that -1 stood for in `from` take the places of those in `to`, in order.
 * @param leadingAxes 1 where `shape` has a batch axis, which `from` and `to` leave out
 */
export function reshaped(
  shape: readonly number[],
  from: readonly number[],
  to: readonly number[],
  leadingAxes: number,
): number[] {
  const free = from.flatMap((length, axis) =>
    length === -1 ? [shape[axis + leadingAxes] ?? 0] : [],
  );
  let next = 0;
  const rest = to.map((length) => (length === -1 ? (free[next++] ?? 0) : length));
  return [...shape.slice(0, leadingAxes), ...rest];
}

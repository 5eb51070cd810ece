/**
 * Tensors that tell a model how its batch is made up (`batch_input`): a model
 * that gets ragged rows end to end learns from them where one request ends and
 * the next begins. Shapes and values as Triton's backend_input_collector.cc
 * makes them: counts are per request, item shapes per row.
 */
import type { BatchInput, MadeTensor } from "./made-inputs.ts";
import { elementCount } from "./shapes.ts";

/**
 * @param made one that names no optional source
 * @param shapes the source's full shape in each request, batch axis included
 */
export function batchInput(made: BatchInput, shapes: readonly (readonly number[])[]): MadeTensor {
  const { kind } = made;
  if (kind === "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE") {
    const most = shapes.reduce((max, shape) => Math.max(max, elementCount(shape)), 0);
    return { shape: [most], data: Buffer.alloc(4 * most) };
  }
  if (kind === "BATCH_ITEM_SHAPE" || kind === "BATCH_ITEM_SHAPE_FLATTEN") {
    const items = shapes.flatMap((shape) => {
      const item = shape.slice(1);
      return Array.from({ length: shape[0] ?? 0 }, () => item);
    });
    const values = items.flat();
    const axes = Math.max(0, (shapes[0]?.length ?? 1) - 1);
    return tensor(
      made,
      values,
      kind === "BATCH_ITEM_SHAPE" ? [items.length, axes] : [values.length],
    );
  }
  const counts = shapes.map(elementCount);
  if (kind === "BATCH_ELEMENT_COUNT") return tensor(made, counts, [counts.length]);
  const sums: number[] = kind === "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO" ? [0] : [];
  let sum = 0;
  for (const count of counts) {
    sum += count;
    sums.push(sum);
  }
  return tensor(made, sums, [sums.length]);
}

/** Datatypes a batch input may have; both have four bytes. */
function tensor(
  { spec }: BatchInput,
  values: readonly number[],
  shape: readonly number[],
): MadeTensor {
  const data = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) {
    if (spec.datatype === "FP32") data.writeFloatLE(value, 4 * i);
    else data.writeInt32LE(value | 0, 4 * i);
  }
  return { shape, data };
}

/** Outputs without a batch axis, parted by the shapes of an input (BATCH_SCATTER_WITH_INPUT_SHAPE). */
import { bytesRowEnds } from "./bytes-tensor.ts";
import { elementSizeBytes } from "./datatypes.ts";
import type { ClientTensorSpec, InferRequest, OutputTensor } from "./request.ts";
import { elementCount } from "./shapes.ts";

/**
 * @param output one that is `scatteredLike` an input
 * @param data of the whole batch, request after request
 * @returns for each request its stretch, as a view
 * @throws Error where the data is longer or shorter than the requests together
 */
export function scatter(
  output: ClientTensorSpec,
  requests: readonly InferRequest[],
  data: Uint8Array,
  batched: boolean,
): OutputTensor[] {
  const { name, datatype } = output;
  const shapes = requests.map((request) => shapeLikeInput(output, request, batched));
  const counts = shapes.map(elementCount);
  const elements = counts.reduce((sum, count) => sum + count, 0);
  const ends = elementEnds(output, data, elements);
  let first = 0;
  return shapes.map((shape, member) => {
    const start = ends(first);
    first += counts[member] ?? 0;
    return { name, datatype, shape, data: data.subarray(start, ends(first)) };
  });
}

/** An axis of any length is as long as the same axis of the input, as in Triton. */
function shapeLikeInput(
  { shape, scatteredLike }: ClientTensorSpec,
  { inputs }: InferRequest,
  batched: boolean,
): number[] {
  const source = inputs.find(({ index }) => index === scatteredLike);
  const full = batched ? [-1, ...shape] : shape;
  return full.map((length, axis) => (length === -1 ? (source?.shape[axis] ?? 0) : length));
}

/** @returns the byte at which a given number of elements ends. */
function elementEnds(
  { datatype }: ClientTensorSpec,
  data: Uint8Array,
  elements: number,
): (count: number) => number {
  if (datatype === "BYTES") {
    const ends = bytesRowEnds(data, 1, elements);
    return (count) => (count === 0 ? 0 : (ends[count - 1] ?? data.byteLength));
  }
  const size = elementSizeBytes(datatype);
  if (data.byteLength === elements * size) return (count) => count * size;
  throw new RangeError(
    `it has ${data.byteLength / size} elements, the shapes of the requests say ${elements}`,
  );
}

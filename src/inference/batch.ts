/**
 * Requests joined into one batch and parted again. A batch is laid out as one
 * stretch of memory: input after input, each 64-byte aligned, and within an
 * input the rows of the requests one behind the other.
 *
 *     | input 0: rows of a, rows of b, ... | pad | input 1: a, b, ... | pad |
 */

import { copyPieces } from "./pieces.ts";
import type { InferRequest, InputTensor } from "./request.ts";

/** Alignment of every tensor in a batch, bytes: a cache line, and what vector units want. */
const ALIGNMENT = 64;

/** An input as it lies in the batch. Same shape as the workers' own type. */
export interface PlacedInput {
  /** Position in the signature's inputs. */
  readonly index: number;
  /** Full shape of the whole batch. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly byteLength: number;
}

export interface BatchPlan {
  readonly inputs: readonly PlacedInput[];
  /** Where the inputs end, rounded up to the alignment. */
  readonly byteLength: number;
  readonly rows: number;
  /** Rows of each request, in order. */
  readonly memberRows: readonly number[];
}

/** @param requests of one model and with equal `batchKey`, at least one */
export function planBatch(requests: readonly InferRequest[]): BatchPlan {
  const first = requests[0];
  if (first === undefined) throw new RangeError("a batch of no requests");
  const memberRows: number[] = [];
  let rows = 0;
  for (const request of requests) {
    memberRows.push(request.rows);
    rows += request.rows;
  }
  const inputs: PlacedInput[] = [];
  let offset = 0;
  for (let k = 0; k < first.inputs.length; k++) {
    const input = inputAt(first, k);
    let byteLength = 0;
    for (const request of requests) byteLength += inputAt(request, k, input.index).data.byteLength;
    const shape = requests.length === 1 ? input.shape : [rows, ...input.shape.slice(1)];
    inputs.push({ index: input.index, shape, offset, byteLength });
    offset = align(offset + byteLength);
  }
  return { inputs, byteLength: offset, rows, memberRows };
}

/** Copies every request's rows to their place. Bytes of `target` between tensors stay as they are. */
export function writeBatch(
  requests: readonly InferRequest[],
  plan: BatchPlan,
  target: Uint8Array,
): void {
  for (let k = 0; k < plan.inputs.length; k++) {
    let offset = plan.inputs[k]?.offset ?? 0;
    for (const request of requests) offset = copyPieces(inputAt(request, k).data, target, offset);
  }
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function inputAt(request: InferRequest, position: number, index?: number): InputTensor {
  const input = request.inputs[position];
  if (input === undefined || (index !== undefined && input.index !== index)) {
    throw new RangeError("requests with different inputs in one batch");
  }
  return input;
}

/**
 * Requests joined into one batch and parted again. A batch is laid out as one
 * stretch of memory: input after input, each 64-byte aligned, and within an
 * input the rows of the requests one behind the other.
 *
 *     | input 0: rows of a, rows of b, ... | pad | input 1: a, b, ... | pad |
 *
 * Inputs that the gateway makes for the batch lie behind those of the clients.
 */
import type { MadeTensor } from "./made-inputs.ts";
import { makeInput } from "./make-input.ts";
import { copyPieces } from "./pieces.ts";
import type { ClientTensorSpec, InferRequest, InputTensor } from "./request.ts";
import { elementCount, reshaped } from "./shapes.ts";

/** Alignment of every tensor in a batch, bytes: a cache line, and what vector units want. */
const ALIGNMENT = 64;

/** An input as it lies in the batch. Same shape as the workers' own type. */
export interface PlacedInput {
  /** Position in the variant's inputs: those of the signature, then its made ones. */
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
  /** The last of `inputs`, in their order, where the model has such. */
  readonly made?: readonly MadeTensor[];
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
  const { signature } = first;
  const inputs: PlacedInput[] = [];
  let offset = 0;
  for (let k = 0; k < first.inputs.length; k++) {
    const input = inputAt(first, k);
    const spec = signature.inputs[input.index];
    let byteLength = 0;
    for (const request of requests) byteLength += inputAt(request, k, input.index).data.byteLength;
    if (spec?.shapeTensor === true) byteLength = input.data.byteLength;
    const shape = joinedShape(requests, k, spec, rows);
    inputs.push({ index: input.index, shape, offset, byteLength });
    offset = align(offset + byteLength);
  }
  if (signature.made === undefined) return { inputs, byteLength: offset, rows, memberRows };

  const made = signature.made.map((input) => makeInput(input, requests));
  for (const [k, { shape, data }] of made.entries()) {
    const { byteLength } = data;
    inputs.push({ index: signature.inputs.length + k, shape, offset, byteLength });
    offset = align(offset + byteLength);
  }
  return { inputs, byteLength: offset, rows, memberRows, made };
}

/** Copies every request's rows to their place. Bytes of `target` between tensors stay as they are. */
export function writeBatch(
  requests: readonly InferRequest[],
  plan: BatchPlan,
  target: Uint8Array,
): void {
  const sent = plan.inputs.length - (plan.made?.length ?? 0);
  for (let k = 0; k < sent; k++) {
    const { index = 0, offset: start = 0 } = plan.inputs[k] ?? {};
    const once = requests[0]?.signature.inputs[index]?.shapeTensor === true;
    let offset = start;
    for (const request of once ? requests.slice(0, 1) : requests) {
      offset = copyPieces(inputAt(request, k).data, target, offset);
    }
  }
  if (plan.made === undefined) return;
  for (const [k, { data }] of plan.made.entries()) {
    target.set(data, plan.inputs[sent + k]?.offset);
  }
}

/** Shape of an input of the whole batch as the model takes it. */
function joinedShape(
  requests: readonly InferRequest[],
  position: number,
  spec: ClientTensorSpec | undefined,
  rows: number,
): readonly number[] {
  const { shape } = inputAt(requests[0], position);
  if (spec?.ragged === true) {
    return [
      requests.reduce((sum, request) => sum + elementCount(inputAt(request, position).shape), 0),
    ];
  }
  const whole =
    requests.length === 1 || spec?.shapeTensor === true ? shape : [rows, ...shape.slice(1)];
  if (spec?.modelShape === undefined) return whole;
  return reshaped(whole, spec.shape, spec.modelShape, whole.length - spec.shape.length);
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function inputAt(request: InferRequest | undefined, position: number, index?: number): InputTensor {
  const input = request?.inputs[position];
  if (input === undefined || (index !== undefined && input.index !== index)) {
    throw new RangeError("requests with different inputs in one batch");
  }
  return input;
}

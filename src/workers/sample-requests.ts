/** Requests made up for a model nobody has asked anything yet, joined as real ones are. */
import type { ModelVariant, Tensor } from "../../backends/contract.ts";
import { planBatch, writeBatch } from "../inference/batch.ts";
import { onePiece } from "../inference/pieces.ts";
import type { ClientTensorSpec, InferRequest, ModelSignature } from "../inference/request.ts";
import type { Draw } from "../inference/seeded-random.ts";
import { elementCount } from "../inference/shapes.ts";
import type { BatchOutput } from "../inference/split-outputs.ts";
import { elements } from "./sample-elements.ts";

/**
 * What the sample requests go by: the signature without the inputs that tell of
 * sequences (they come last, and are zero), or what the model takes where there is none.
 */
export function sampledSignature(
  variant: ModelVariant,
  signature: ModelSignature | undefined,
): ModelSignature {
  const { made = [], ...rest } = signature ?? {
    name: variant.model,
    version: variant.version,
    maxBatchSize: variant.maxBatchSize,
    inputs: variant.inputs,
    outputs: variant.outputs,
    decoupled: variant.decoupled === true,
    reproducible: false,
  };
  return { ...rest, made: made.filter(({ from }) => from === "batch") };
}

/** One row for every input; axes of any length get `freeDim`. */
export function sampleRequest(
  signature: ModelSignature,
  freeDim: number,
  draw: Draw,
): InferRequest {
  return {
    id: "",
    signature,
    inputs: signature.inputs.map((spec, index) => {
      const shape = sampleShape(spec, signature.maxBatchSize > 0, freeDim);
      const { datatype } = spec;
      return {
        index,
        datatype,
        shape,
        data: onePiece(elements(datatype, elementCount(shape), draw)),
      };
    }),
    outputs: signature.outputs.map((_, index) => index),
    rows: 1,
    batchKey: "",
    alone: false,
    priority: 0,
    timeoutUs: 0,
  };
}

function sampleShape(spec: ClientTensorSpec, batched: boolean, freeDim: number): number[] {
  const shape = spec.shape.map((length) => (length < 0 ? freeDim : length));
  return batched && spec.shapeTensor !== true ? [1, ...shape] : shape;
}

/** Those that clients get, which come first. */
export function clientOutputs(
  { outputs }: ModelSignature,
  tensors: readonly Tensor[],
): BatchOutput[] {
  return tensors.slice(0, outputs.length).map(({ shape, data }, index) => ({ index, shape, data }));
}

/** One batch of the requests; inputs of the variant that none of them has are zero. */
export function joinRequests(variant: ModelVariant, requests: readonly InferRequest[]): Tensor[] {
  const plan = planBatch(requests);
  const room = new Uint8Array(plan.byteLength);
  writeBatch(requests, plan, room);
  return variant.inputs.map(({ name, datatype, shape: open, unbatched }, index) => {
    const placed = plan.inputs.find((input) => input.index === index);
    if (placed !== undefined) {
      const { shape, offset, byteLength } = placed;
      return { name, datatype, shape, data: room.slice(offset, offset + byteLength) };
    }
    const dims = open.map((length) => Math.max(1, length));
    const batched = variant.maxBatchSize > 0 && unbatched !== true;
    const shape = batched ? [plan.rows, ...dims] : dims;
    return { name, datatype, shape, data: elements(datatype, elementCount(shape), () => 0) };
  });
}

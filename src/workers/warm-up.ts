/** Runs the warm-up requests of a model (`model_warmup`), so that what is slow the first time is over before a client waits. */
import { readFile } from "node:fs/promises";
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type Datatype,
  type ModelInstance,
  type ModelVariant,
} from "../../backends/contract.ts";
import { bytesRowEnds } from "../inference/bytes-tensor.ts";
import { onePiece } from "../inference/pieces.ts";
import type { InferRequest, ModelSignature } from "../inference/request.ts";
import { mulberry32 } from "../inference/seeded-random.ts";
import { elementCount } from "../inference/shapes.ts";
import type { WarmupInput, WarmupSample } from "../inference/warmup.ts";
import { execute, type Trial } from "./probe.ts";
import { elements } from "./sample-elements.ts";
import { sampledSignature, sampleRequest } from "./sample-requests.ts";

const SEED = 20120704;

export interface WarmUpParts {
  readonly variant: ModelVariant;
  readonly signature: ModelSignature | undefined;
  readonly instance: ModelInstance;
  readonly signal: AbortSignal;
  /** Length of free axes of inputs that a sample does not name. */
  readonly freeDim: number;
}

/** @throws BackendError naming the sample that fails */
export async function warmUp(samples: readonly WarmupSample[], parts: WarmUpParts): Promise<void> {
  const { variant, instance, signal } = parts;
  const signature = sampledSignature(variant, parts.signature);
  const trial: Trial = { variant, signature, instance, signal };
  for (const sample of samples) {
    try {
      const request = await requestOf(sample, signature, parts.freeDim);
      const requests = Array.from({ length: sample.rows }, () => request);
      for (let run = 0; run < sample.count; run++) await execute(trial, requests);
    } catch (cause) {
      const fault = cause instanceof BackendError ? cause.fault : "internal";
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BackendError(fault, `failed to run warmup sample '${sample.name}': ${reason}`, {
        cause,
      });
    }
  }
}

async function requestOf(
  sample: WarmupSample,
  signature: ModelSignature,
  freeDim: number,
): Promise<InferRequest> {
  const zeros = sampleRequest(signature, freeDim, () => 0);
  const inputs = zeros.inputs.map(async (input) => {
    const spec = signature.inputs[input.index];
    const given = sample.inputs.find(({ name }) => name === spec?.name);
    if (spec === undefined || given === undefined) return input;
    const batched = signature.maxBatchSize > 0 && spec.shapeTensor !== true;
    const data = onePiece(await dataOf(given, spec.datatype));
    return { ...input, shape: batched ? [1, ...given.shape] : given.shape, data };
  });
  return { ...zeros, inputs: await Promise.all(inputs) };
}

async function dataOf({ shape, data }: WarmupInput, datatype: Datatype): Promise<Uint8Array> {
  const count = elementCount(shape);
  if (data === "zero") return elements(datatype, count, () => 0);
  if (data === "random") return elements(datatype, count, mulberry32(SEED));
  const bytes = await readFile(data.file);
  const end =
    datatype === "BYTES" ? bytesRowEnds(bytes, count, 1)[0] : count * BYTES_PER_ELEMENT[datatype];
  return bytes.subarray(0, end);
}

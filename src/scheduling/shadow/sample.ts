/** A live request and its answer, copied for an artifact that computes it once more. */
import type { Tensor } from "../../../backends/contract.ts";
import { joinPieces } from "../../inference/pieces.ts";
import type { InferRequest, InferResponse } from "../../inference/request.ts";

export interface ShadowSample {
  readonly rows: number;
  readonly inputs: readonly Tensor[];
  /** What was answered, by name. */
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  /** Variant that answered, of a model that has several. */
  readonly answeredBy: string | undefined;
  /** Samples of one kind may be computed and compared together: tensors, shapes beyond the rows, and who answered. */
  readonly kind: string;
  /** What it takes in memory, about. */
  readonly byteLength: number;
}

/** Objects, names and shapes. */
const SAMPLE_BYTES = 512;

/** What a sample of this request would take, without its outputs. */
export function sampleBytes({ inputs }: InferRequest): number {
  return inputs.reduce((sum, { data }) => sum + data.byteLength, SAMPLE_BYTES);
}

/** Both are views that end with the call that brings the answer: everything is copied. */
export function takeSample(request: InferRequest, response: InferResponse): ShadowSample {
  let byteLength = sampleBytes(request);
  const inputs = request.inputs.map(({ index, datatype, shape, data }): Tensor => {
    const name = request.signature.inputs[index]?.name ?? "";
    return { name, datatype, shape: [...shape], data: Buffer.from(joinPieces(data)) };
  });
  const outputs = new Map<string, Uint8Array>();
  for (const { name, data } of response.outputs) {
    byteLength += data.byteLength;
    outputs.set(name, Uint8Array.from(data));
  }
  const { rows, batchKey, alone } = request;
  const { variant: answeredBy } = response;
  // Of those that run alone there are no two of a kind.
  const only = alone ? `alone ${++alones}` : "";
  const kind = [only, answeredBy, batchKey, ...outputs.keys()].join("\0");
  return { rows, inputs, outputs, answeredBy, kind, byteLength };
}

let alones = 0;

/** Whether it can be computed once more from what it brings: what lies in its client's memory may change. */
export function canBeSampled({ inputs, sequence }: InferRequest): boolean {
  return sequence === undefined && inputs.every(({ data }) => data.source === undefined);
}

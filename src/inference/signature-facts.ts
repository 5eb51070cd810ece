/** What the checks look up in a signature on every request, computed once per signature. */
import { elementSizeBytes } from "./datatypes.ts";
import type { ClientTensorSpec, ModelSignature } from "./request.ts";

export interface InputFacts {
  readonly spec: ClientTensorSpec;
  readonly index: number;
  readonly elementBytes: number;
}

export interface SignatureFacts {
  readonly inputs: ReadonlyMap<string, InputFacts>;
  /** Position of each output. */
  readonly outputs: ReadonlyMap<string, number>;
  readonly allOutputs: readonly number[];
  readonly requiredInputs: number;
  /** False where all requests of the model look alike but for their rows. */
  readonly free: boolean;
}

const known = new WeakMap<ModelSignature, SignatureFacts>();

export function factsOf(signature: ModelSignature): SignatureFacts {
  let facts = known.get(signature);
  if (facts === undefined) {
    facts = factsFrom(signature);
    known.set(signature, facts);
  }
  return facts;
}

function factsFrom(signature: ModelSignature): SignatureFacts {
  const { inputs, outputs } = signature;
  return {
    inputs: new Map(
      inputs.map((spec, index) => [
        spec.name,
        { spec, index, elementBytes: elementSizeBytes(spec.datatype) },
      ]),
    ),
    outputs: new Map(outputs.map((spec, index) => [spec.name, index])),
    allOutputs: outputs.map((_, index) => index),
    requiredInputs: inputs.filter((spec) => spec.optional !== true).length,
    free: inputs.some(isFree),
  };
}

/** Lengths of a ragged input keep nobody out of a batch; the values of a shape tensor do. */
function isFree({ optional, shapeTensor, ragged, shape }: ClientTensorSpec): boolean {
  if (optional === true || shapeTensor === true) return true;
  return ragged !== true && shape.includes(-1);
}

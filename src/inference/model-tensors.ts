/** What the model itself takes and gives, where that is not what clients send and get. */
import type { TensorSpec } from "../../backends/contract.ts";
import type { ClientTensorSpec, ModelSignature } from "./request.ts";

export function modelInputs({ inputs, made = [] }: ModelSignature): TensorSpec[] {
  return [...inputs.map(inputInModel), ...made.map(({ spec }) => spec)];
}

export function modelOutputs({ outputs }: ModelSignature): TensorSpec[] {
  return outputs.map(({ name, datatype, shape, modelShape, shapeTensor, scatteredLike }) => {
    // Any number of axes: only the elements count.
    if (scatteredLike !== undefined) return { name, datatype, shape: [-1], unbatched: true };
    return {
      name,
      datatype,
      shape: modelShape ?? shape,
      ...(shapeTensor === true ? { unbatched: true } : {}),
    };
  });
}

function inputInModel(spec: ClientTensorSpec): TensorSpec {
  const { name, datatype, shape, modelShape, optional, ragged, shapeTensor } = spec;
  if (ragged === true) return { name, datatype, shape: [-1], unbatched: true };
  return {
    name,
    datatype,
    shape: modelShape ?? shape,
    ...(optional === true ? { optional } : {}),
    ...(shapeTensor === true ? { unbatched: true } : {}),
  };
}

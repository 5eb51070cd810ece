/** A model version as ModelMetadata tells it. */
import { fieldsOf } from "./model-config.ts";
import type { ModelDefinition } from "./types.ts";

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** With a leading -1 for the batch axis, where the model has one. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  /** Ready ones, ascending. */
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export function metadataOf(
  { name, config, signature }: ModelDefinition,
  versions: readonly string[],
): ModelMetadata {
  const { platform = "", backend = "" } = fieldsOf(config);
  const describe = (tensors: typeof signature.inputs) =>
    tensors.map(({ name, datatype, shape }) => ({
      name,
      datatype,
      shape: signature.maxBatchSize > 0 ? [-1, ...shape] : shape,
    }));
  return {
    name,
    versions,
    platform: platform === "" ? backend : platform,
    inputs: describe(signature.inputs),
    outputs: describe(signature.outputs),
  };
}

/** ModelReady, ModelMetadata, ModelConfig. */
import type { TensorSpec } from "../../../backends/contract.ts";
import { unknownModel } from "../../registry/model-record.ts";
import type { ModelDefinition } from "../../registry/types.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { type Implementation, unary } from "./unary.ts";

export interface ModelLookup {
  /**
   * The definition of a version that is ready.
   * @param version as the client wrote it: a number, an alias, or empty for the one that serves then
   * @throws StatusError with Triton's text where there is none
   */
  find(model: string, version: string): ModelDefinition;
  isReady(model: string, version: string): boolean;
  readyVersions(model: string): readonly string[];
}

interface NamedVersion {
  readonly name: string;
  readonly version: string;
}

export function modelHandlers(models: ModelLookup): Implementation {
  return {
    // A model nobody knows is not ready: no error. Triton's own tests rely on it.
    ModelReady: unary(({ name, version }: NamedVersion, _connection, caller) => ({
      ready: mayUse(caller, name) && models.isReady(name, version),
    })),

    ModelMetadata: unary(({ name, version }: NamedVersion, _connection, caller) => {
      if (!mayUse(caller, name)) throw unknownModel(name);
      const { config, signature, version: found } = models.find(name, version);
      const { platform, backend } = config;
      const batched = signature.maxBatchSize > 0;
      return {
        name,
        versions: version === "" ? models.readyVersions(name) : [found],
        platform: platform || backend || "",
        inputs: signature.inputs.map((spec) => metadataOf(spec, batched)),
        outputs: signature.outputs.map((spec) => metadataOf(spec, batched)),
      };
    }),

    ModelConfig: unary(({ name, version }: NamedVersion, _connection, caller) => {
      if (!mayUse(caller, name)) throw unknownModel(name);
      return { config: models.find(name, version).config };
    }),
  };
}

/** The shape with the batch axis that clients send. */
function metadataOf({ name, datatype, shape }: TensorSpec, batched: boolean) {
  return { name, datatype, shape: batched ? [-1, ...shape] : shape };
}

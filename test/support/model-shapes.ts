/** What the default models take, read from their configurations: for tests that need no server. */
import { join } from "node:path";
import type { ModelShape } from "../../loadtest/types.ts";
import { packageRoot } from "../../src/package-root.ts";
import { readConfigFile } from "../../src/registry/config-pbtxt.ts";

interface Configured {
  readonly max_batch_size?: number;
  readonly input?: readonly {
    readonly name: string;
    readonly data_type: string;
    readonly dims: readonly (number | string)[];
  }[];
}

/** As ModelMetadata tells it: the batch axis first, where there is one. */
export async function defaultModelShape(name: string): Promise<ModelShape> {
  const file = join(packageRoot, "models", name, "config.pbtxt");
  const { max_batch_size: maxBatchSize = 0, input = [] } = (await readConfigFile(
    file,
  )) as Configured;
  const inputs = input.map(({ name, data_type, dims }) => ({
    name,
    datatype: data_type.replace("TYPE_", "").replace("STRING", "BYTES"),
    shape: [...(maxBatchSize > 0 ? [-1] : []), ...dims.map(Number)],
  }));
  return { name, inputs, maxBatchSize };
}

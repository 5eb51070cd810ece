import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";

/** True where onnxruntime-node's CUDA provider was installed beside it. */
export const hasCudaProvider = existsSync(
  join(
    packageRoot,
    "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so",
  ),
);

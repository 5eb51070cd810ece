import { existsSync } from "node:fs";
import { cudaProviderPath } from "../../backends/gpu/cuda-library.ts";

/** True where onnxruntime-node's CUDA provider was installed beside it. */
export const hasCudaProvider = existsSync(cudaProviderPath());

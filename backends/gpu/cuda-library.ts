/** What keeps the loader from ONNX Runtime's CUDA provider. ONNX Runtime itself says only that it could not. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";

/** @returns where onnxruntime-node looks for it; the file need not be there */
export function cudaProviderPath(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
  return join(folder, "libonnxruntime_providers_cuda.so");
}

/**
 * The loader's reason: `libcublasLt.so.13: cannot open shared object file: ...`. Only after ONNX Runtime failed to
 * load the file: where it loads, its initialisers run.
 * @returns undefined where the file is not there, or the loader takes it
 */
export function whyNotLoaded(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY);
  } catch (thrown) {
    const [reason = ""] = String(thrown instanceof Error ? thrown.message : thrown).split("\n");
    return reason.includes("did not self-register") ? undefined : reason;
  }
  return undefined;
}

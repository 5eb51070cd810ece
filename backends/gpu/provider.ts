/** A worker's process tied to one GPU, and what ONNX Runtime's GPU providers want and complain of. */
import { BackendError, type Device } from "../contract.ts";
import { cudaProviderPath, whyNotLoaded } from "./cuda-library.ts";
import { isSlice, uuidOf } from "./inventory.ts";
import type { Provider } from "./options.ts";

/** The one that this process is tied to. */
let tied: string | undefined;

/**
 * Lets this process see one device only. Before ONNX Runtime is imported: CUDA reads the environment once.
 * @param present all GPUs and slices of this host
 * @throws BackendError `device` where it cannot be done
 */
export function tieThisProcess(
  provider: Provider,
  device: Device,
  present: readonly Device[],
  environment: NodeJS.ProcessEnv = process.env,
): void {
  if (provider === "webgpu") refuseUnpinnable(device, present);
  const uuid = uuidOf(device);
  if (tied !== undefined && tied !== uuid) {
    throw new BackendError(
      "device",
      `this process holds ${tied} and cannot take ${uuid} as well: a worker serves one GPU`,
    );
  }
  tied = uuid;
  environment["CUDA_VISIBLE_DEVICES"] = uuid;
  // ONNX Runtime lets cuBLAS and cuDNN round FP32 to TF32, ten bits of mantissa; onnxruntime-node has no option for it.
  environment["NVIDIA_TF32_OVERRIDE"] ??= "0";
  // Else a host without NVIDIA's Vulkan driver would compute in software and call it a GPU.
  environment["VK_LOADER_DRIVERS_SELECT"] ??= "*nvidia*";
}

function refuseUnpinnable(device: Device, present: readonly Device[]): void {
  if (isSlice(device)) {
    throw new BackendError("device", `${device.id}: MIG slices have no Vulkan: use provider cuda`);
  }
  if (present.length <= 1) return;
  throw new BackendError(
    "device",
    `${device.id}: WebGPU takes the GPU that Vulkan lists first and cannot be tied to one of ` +
      `${present.length}: use provider cuda, or give the gateway a container with one GPU`,
  );
}

/** For ONNX Runtime; the tied device is the only one it sees, number 0. */
export function executionProviders(provider: Provider) {
  if (provider === "cuda") return [{ name: "cuda", deviceId: 0 } as const];
  // A release build leaves it off. Then an index that a client sends reads memory of others, or ends the process.
  return [{ name: "webgpu", enableRobustness: true } as const];
}

const MISSING: Readonly<Record<Provider, RegExp>> = {
  cuda: /Failed to load shared library|provider is not enabled|onnxruntime_providers|backend not found/i,
  webgpu: /WebGPU adapter|WebGPU.*not (?:supported|enabled|available)|backend not found/i,
};

const REMEDY: Readonly<Record<Provider, string>> = {
  cuda:
    "onnxruntime-node's npm package comes without the CUDA provider (linux/x64 only). Fetch it with " +
    "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js, and put the " +
    "libraries of CUDA 12 and cuDNN 9 where the loader finds them (LD_LIBRARY_PATH); or set option " +
    "provider: webgpu",
  webgpu:
    "the provider is in onnxruntime-node's npm package (linux/x64), but wants Vulkan: install the loader " +
    "(libvulkan1) and NVIDIA's driver with its Vulkan part (nvidia_icd.json; in containers " +
    "NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics)",
};

/**
 * Tells a provider that is not installed from a model that is broken.
 * @param libraryPath of the CUDA provider
 */
export function explain(
  provider: Provider,
  thrown: unknown,
  libraryPath = cudaProviderPath(),
): unknown {
  if (!(thrown instanceof BackendError) || !MISSING[provider].test(thrown.message)) return thrown;
  const refused = provider === "cuda" ? whyNotLoaded(libraryPath) : undefined;
  const remedy =
    refused === undefined
      ? REMEDY[provider]
      : `it is installed, but the loader refuses it (${refused}). Put the libraries of the CUDA release ` +
        "that it was built for, and of cuDNN 9, where the loader finds them (LD_LIBRARY_PATH)";
  return new BackendError(
    "device",
    `the ${provider} provider of ONNX Runtime does not start: ${remedy}. ` +
      `It said: ${thrown.message}`,
    { cause: thrown },
  );
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { asBackendError } from "../common/onnxruntime/errors.ts";
import { BackendError, type Device } from "../contract.ts";
import { readOptions } from "./options.ts";
import { explain, tieThisProcess } from "./provider.ts";

const device = (id: string): Device => ({ id, vendor: "nvidia", platform: "cuda" });
const slice = device("mig:MIG-5e0b9d61-7a3c-5f12-9b84-0c6d2e4f8a10");
const card = device("gpu:GPU-3d2f6a18-90b7-4c1e-a5d0-7e4b1f9c2a61");

describe("a worker of a GPU", () => {
  it("sees its own slice only, and stays with it", () => {
    const environment: NodeJS.ProcessEnv = { CUDA_VISIBLE_DEVICES: "0,1" };
    const tie = (to: Device) => tieThisProcess("cuda", to, [slice, card], environment);
    tie(slice);
    tie(slice);
    expect(environment["CUDA_VISIBLE_DEVICES"]).toBe("MIG-5e0b9d61-7a3c-5f12-9b84-0c6d2e4f8a10");
    expect(() => tie(card)).toThrow(/this process holds MIG-5e0b.* a worker serves one GPU/);
    expect(environment["CUDA_VISIBLE_DEVICES"]).toBe("MIG-5e0b9d61-7a3c-5f12-9b84-0c6d2e4f8a10");
  });

  it.each([
    [undefined, "0"],
    ["1", "1"],
  ])("multiplies FP32 as FP32 unless the operator wants TF32 (%s)", (given, then) => {
    const environment: NodeJS.ProcessEnv = { NVIDIA_TF32_OVERRIDE: given };
    tieThisProcess("cuda", slice, [slice], environment);
    expect(environment["NVIDIA_TF32_OVERRIDE"]).toBe(then);
  });

  it.each([
    ["a MIG slice", slice, [slice], /MIG slices have no Vulkan: use provider cuda/],
    ["one of several cards", card, [card, slice], /cannot be tied to one of 2/],
  ])("does not take %s by WebGPU, which could take another one", (_, onto, present, reason) => {
    const environment: NodeJS.ProcessEnv = {};
    expect(() => tieThisProcess("webgpu", onto, present, environment)).toThrow(reason);
    expect(environment).toEqual({});
  });
});

describe("a provider that is not installed", () => {
  it.each([
    [
      "cuda",
      "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
      /the cuda provider .* ONNXRUNTIME_NODE_INSTALL=cuda12 .* CUDA 12 and cuDNN 9/,
    ],
    [
      "webgpu",
      "webgpu_context.cc:136 Failed to get a WebGPU adapter: No supported adapters",
      /the webgpu provider .*libvulkan1.*nvidia_icd.json/,
    ],
  ] as const)("%s: is told from a broken model, with the remedy", (provider, said, remedy) => {
    const thrown = explain(provider, asBackendError("artifact", new Error(said)), "/none");
    expect(thrown).toMatchObject({ fault: "device", message: expect.stringMatching(remedy) });
    expect((thrown as Error).message).toContain(said);
  });

  it("cuda: that is there, but cannot be loaded, comes with the loader's reason", () => {
    const folder = mkdtempSync(join(tmpdir(), "beamgate-provider-"));
    const path = join(folder, "libonnxruntime_providers_cuda.so");
    writeFileSync(path, "no library, but a text long enough for a header of one".repeat(2));
    const said = asBackendError("artifact", new Error("Failed to load shared library"));
    expect(explain("cuda", said, path)).toMatchObject({
      fault: "device",
      message: expect.stringMatching(/it is installed, but the loader refuses it \(.*ELF header/),
    });
    rmSync(folder, { recursive: true });
  });

  it("is not seen in other errors", () => {
    const other = new BackendError("artifact", "Load model failed: Protobuf parsing failed");
    expect(explain("cuda", other)).toBe(other);
  });
});

describe("what CUDA says through ONNX Runtime", () => {
  it.each([
    ["CUDA failure 2: out of memory ; GPU=0 ; hostname=n ; expr=cudaMalloc", "exhausted"],
    ["CUDA failure 719: unspecified launch failure ; GPU=0", "device"],
    ["CUDA failure 100: no CUDA-capable device is detected ; GPU=-1", "device"],
    ["CUBLAS failure 14: CUBLAS_STATUS_INTERNAL_ERROR ; GPU=0", "device"],
    ["Non-zero status code returned while running Gather node", "internal"],
  ])("%s: fault %s", (said, fault) => {
    expect(asBackendError("internal", new Error(said)).fault).toBe(fault);
  });
});

describe("options of the backend", () => {
  it("default to CUDA on every device", () => {
    expect(readOptions(undefined)).toEqual({ provider: "cuda", nvidiaSmi: "nvidia-smi" });
  });

  it.each([
    [{ provider: "rocm" }, /gpu: options.provider: .*"cuda"\|"webgpu"/],
    [{ devices: ["0"] }, /gpu: options.devices.0: expected gpu:GPU-<uuid> or mig:MIG-<uuid>/],
    [{ gpus: 2 }, /gpu: options: Unrecognized key: "gpus"/],
  ])("%j: refused by key", (given, reason) => {
    expect(() => readOptions(given)).toThrow(reason);
  });
});

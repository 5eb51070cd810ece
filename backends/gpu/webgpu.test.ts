/**
 * The WebGPU provider on whatever Vulkan driver the environment selects, software too:
 * `VK_ICD_FILENAMES=.../vk_swiftshader_icd.json VK_LOADER_DRIVERS_SELECT='*'`. It shows that the way
 * through the provider is right, and nothing about a GPU.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { hasCudaProvider } from "../../test/support/cuda-provider.ts";
import { fakeNvidiaSmi } from "../../test/support/fake-nvidia-smi.ts";
import {
  fp32,
  gatherElements,
  int64,
  onnxExamples,
  specs,
  variant,
} from "../../test/support/onnx-examples.ts";
import { backendConformance } from "../conformance.ts";
import { gpu } from "./backend.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-webgpu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const selected = process.env["VK_LOADER_DRIVERS_SELECT"] !== undefined;
const recorded = fileURLToPath(new URL("recorded/one", import.meta.url));
const options = { provider: "webgpu", nvidiaSmi: fakeNvidiaSmi(folder, recorded) };
const examples = onnxExamples(folder);

describe.skipIf(!selected)("gpu by WebGPU (skipped unless VK_LOADER_DRIVERS_SELECT is set)", () => {
  backendConformance({ module: gpu, options, ...examples });

  it("reads nothing beyond a tensor, whatever index a client sends", async () => {
    const backend = await gpu.create(options, { log() {} });
    const [device] = await backend.devices();
    if (device === undefined) throw new Error("no device");
    const { signal } = new AbortController();
    const inputs = [...specs("FP32", [-1], "data"), ...specs("INT64", [-1], "index")];
    const picking = variant(
      { inputs, outputs: specs("FP32", [-1], "picked"), artifact: gatherElements(folder) },
      0,
    );
    const instance = await backend.load(picking, device, {}, signal);
    for (const far of [16n, 20n, 10n ** 7n]) {
      const [picked] = await instance.execute(
        {
          inputs: [fp32("data", [16], Array(16).fill(7)), int64("index", [0n, far])],
          outputs: ["picked"],
          members: [{ rows: 1 }],
          reserve: () => undefined,
        },
        signal,
      );
      const { buffer } = Uint8Array.from(picked?.data ?? []);
      expect([...new Float32Array(buffer)]).toEqual([7, 7]);
    }
    await instance.unload();
  });
});

describe.skipIf(hasCudaProvider)(
  "gpu by CUDA without its libraries (skipped where they are)",
  () => {
    it("does not serve, and says what to install", async () => {
      const backend = await gpu.create({ ...options, provider: "cuda" }, { log() {} });
      const [device] = await backend.devices();
      if (device === undefined) throw new Error("no device");
      const { signal } = new AbortController();
      const loading = backend.load(examples.batched.variant, device, {}, signal);
      await expect(loading).rejects.toMatchObject({ fault: "device" });
      await expect(loading).rejects.toThrow(/CUDA 12 and cuDNN 9/);
    });
  },
);

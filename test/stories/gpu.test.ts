/** A model with a variant for GPUs beside the CPU's, on hosts whose nvidia-smi is a recorded one. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { hasCudaProvider } from "../support/cuda-provider.ts";
import { fakeNvidiaSmi } from "../support/fake-nvidia-smi.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const CARD = "gpu:GPU-3d2f6a18-90b7-4c1e-a5d0-7e4b1f9c2a61";
const MODEL = join(packageRoot, "models/jet_tagger");
const row = Array.from({ length: 16 }, (_, i) => Math.sin(i));
const TEST_MS = 60_000;

let folder: string;
let gateway: GatewayProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-gpu-story-"));
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** @param own true: config.pbtxt itself asks for the GPU, and there is no other variant */
async function serve(provider: "cuda" | "webgpu", own = false): Promise<GatewayProcess> {
  const model = join(folder, "models/jet_tagger");
  mkdirSync(join(model, "1/h100"), { recursive: true });
  const config = readFileSync(join(MODEL, "config.pbtxt"), "utf8");
  const platform = 'platform: "onnxruntime_onnx"';
  writeFileSync(
    join(model, "config.pbtxt"),
    own ? config.replace(platform, 'backend: "gpu"') : config,
  );
  copyFileSync(join(MODEL, "labels.txt"), join(model, "labels.txt"));
  copyFileSync(join(MODEL, "1/model.onnx"), join(model, "1/model.onnx"));
  if (!own) {
    copyFileSync(join(MODEL, "1/model.onnx"), join(model, "1/h100/model.onnx"));
    writeFileSync(join(model, "1/h100/manifest.json"), JSON.stringify(MANIFEST));
  }
  const nvidiaSmi = fakeNvidiaSmi(folder, join(packageRoot, "backends/gpu/recorded/one"));
  const backends = [{ kind: "gpu", options: { provider, nvidiaSmi } }];
  // YAML takes JSON as it is.
  writeFileSync(join(folder, "beamgate.yaml"), JSON.stringify({ backends }));
  const flags = ["--config", join(folder, "beamgate.yaml"), "--exit-on-error=false"];
  gateway = await startGateway({ repositories: [join(folder, "models")], flags });
  return gateway;
}

const MANIFEST = {
  manifest: 1,
  backend: "gpu",
  vendor: "nvidia",
  artifact: { file: "model.onnx", format: "onnx", platform: "any" },
  numericClass: "float32",
  inputs: [{ name: "input", datatype: "FP32", shape: [16] }],
  outputs: [{ name: "probabilities", datatype: "FP32", shape: [5] }],
};

async function infer({ httpPort }: GatewayProcess, parameters: object = {}) {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v2/models/jet_tagger/infer`, {
    method: "POST",
    body: JSON.stringify({
      parameters,
      inputs: [{ name: "input", datatype: "FP32", shape: [1, 16], data: row }],
    }),
  });
  const answer = (await response.json()) as Answer;
  return { status: response.status, ...answer };
}

interface Answer {
  readonly error?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly outputs?: readonly { readonly data: readonly number[] }[];
}

describe.skipIf(hasCudaProvider)("a host without CUDA", { timeout: TEST_MS }, () => {
  it("serves by the CPU, and tells the operator what to install for the GPU", async () => {
    const serving = await serve("cuda");
    expect(await infer(serving)).toMatchObject({
      status: 200,
      parameters: { beamgate_variant: "arm-cpu" },
    });
    expect(serving.log()).toMatch(/a device does not take a model; it is tried again.*CUDA 12/);
  });

  it("shows the reason for a model that wants a GPU and nothing else", async () => {
    const { httpPort } = await serve("cuda", true);
    const index = await fetch(`http://127.0.0.1:${httpPort}/v2/repository/index`, {
      method: "POST",
    });
    expect(await index.json()).toMatchObject([
      { name: "jet_tagger", state: "UNAVAILABLE", reason: expect.stringMatching(/CUDA 12/) },
    ]);
  });
});

const selected = process.env["VK_LOADER_DRIVERS_SELECT"] !== undefined;
describe.skipIf(!selected)(
  "a host with one GPU (skipped unless VK_LOADER_DRIVERS_SELECT selects a Vulkan driver)",
  { timeout: TEST_MS },
  () => {
    it("serves by both, each to those who ask for it", async () => {
      const serving = await serve("webgpu");
      const byGpu = await infer(serving, { beamgate_vendor: "nvidia" });
      const byCpu = await infer(serving, { beamgate_variant: "arm-cpu" });
      expect(byGpu.parameters).toMatchObject({ beamgate_variant: "h100", beamgate_device: CARD });
      expect(byCpu.parameters).toMatchObject({ beamgate_device: "cpu:0" });
      const [got = [], expected = []] = [byGpu, byCpu].map(
        ({ outputs }) => outputs?.[0]?.data ?? [],
      );
      expect(got).toHaveLength(5);
      for (const [i, value] of got.entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5);
    });

    it("serves a model whose configuration asks for the GPU", async () => {
      const answer = await infer(await serve("webgpu", true));
      expect(answer.status).toBe(200);
    });
  },
);

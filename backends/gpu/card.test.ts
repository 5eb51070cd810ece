/** On a real card, asked of the host's own nvidia-smi; skipped where there is none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hasCudaProvider } from "../../test/support/cuda-provider.ts";
import { hasNvidiaCard } from "../../test/support/nvidia-card.ts";
import { onnxExamples } from "../../test/support/onnx-examples.ts";
import { backendConformance } from "../conformance.ts";
import { gpu } from "./backend.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-card-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasNvidiaCard)("a card (skipped where nvidia-smi lists none)", () => {
  it("is described by name, memory and PCI address", async () => {
    const backend = await gpu.create({}, { log() {} });
    const devices = await backend.devices();
    expect(devices).not.toEqual([]);
    for (const device of devices) {
      expect(device.id).toMatch(/^(gpu:GPU|mig:MIG)-[0-9a-f-]{36}$/);
      expect(device.description).toBeTruthy();
      expect(device.memoryBytes).toBeGreaterThan(2 ** 30);
      expect(device.location).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d$/);
    }
  });

  it("says its temperature, power and use", async () => {
    const backend = await gpu.create({}, { log() {} });
    const [device] = await backend.devices();
    const [sensors] = (await backend.sensors?.()) ?? [];
    expect(sensors?.id).toBe(device?.id);
    expect(sensors?.temperatureC).toBeGreaterThan(5);
    expect(sensors?.temperatureC).toBeLessThan(110);
    expect(sensors?.powerW).toBeLessThan(1.2 * (sensors?.powerLimitW ?? 0));
    expect(sensors?.utilisation).toBeLessThanOrEqual(1);
    expect(sensors?.memoryUsedBytes).toBeLessThanOrEqual(device?.memoryBytes ?? 0);
  });
});

describe.skipIf(!hasNvidiaCard || !hasCudaProvider)(
  "gpu by CUDA (skipped without a card or ONNX Runtime's CUDA provider)",
  () => {
    backendConformance({ module: gpu, options: { provider: "cuda" }, ...onnxExamples(folder) });
  },
);

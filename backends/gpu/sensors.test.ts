import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeNvidiaSmi } from "../../test/support/fake-nvidia-smi.ts";
import { readSensors } from "./sensors.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-gpu-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function on(recorded: string, devices?: string[]) {
  const path = fileURLToPath(new URL(`recorded/${recorded}`, import.meta.url));
  return readSensors({ devices, nvidiaSmi: fakeNvidiaSmi(folder, path) });
}

describe("sensors of GPUs", () => {
  it("say what they can, each card for itself", async () => {
    expect(await on("several")).toEqual([
      {
        id: "gpu:GPU-0b8e51c7-2f46-4d0a-9a13-c6f2d7e80b44",
        temperatureC: 38,
        powerW: 61.37,
        powerLimitW: 350,
        utilisation: 0.45,
        memoryUsedBytes: 1203 * 2 ** 20,
        source: "nvidia-smi",
      },
      {
        id: "gpu:GPU-7c90d4e2-11ab-4f63-8e57-2a9b3c4d5e6f",
        temperatureC: 41,
        utilisation: 0,
        memoryUsedBytes: 11 * 2 ** 20,
        source: "nvidia-smi",
      },
    ]);
  });

  it("of a slice are the temperature of its card, and nothing that is the whole card's", async () => {
    const sensors = await on("mig");
    expect(sensors.map(({ id }) => id.slice(0, 8))).toEqual([
      ..."mig:MIG- mig:MIG- mig:MIG- gpu:GPU-".split(" "),
    ]);
    expect(sensors[0]).toEqual({
      id: "mig:MIG-5e0b9d61-7a3c-5f12-9b84-0c6d2e4f8a10",
      temperatureC: 34,
      source: "nvidia-smi, of the whole card",
    });
  });

  it("are those of the devices that the operator chose", async () => {
    const chosen = "mig:MIG-c27f4a90-1d5e-5b68-8f03-92ab6c7d1e55";
    expect((await on("mig", [chosen])).map(({ id }) => id)).toEqual([chosen]);
  });

  it("are none without a GPU, and an error without a driver", async () => {
    expect(await on("none")).toEqual([]);
    await expect(on("broken-driver")).rejects.toMatchObject({ fault: "device" });
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import type { DeviceSensors } from "../../backends/contract.ts";
import type { ModelDefinition } from "../registry/types.ts";
import { PowerReader } from "./power-reader.ts";

const device = (id: string) => ({ id, vendor: "v", platform: "p" });
const MINUTE_MS = 60_000;

let now: number;
let asked: string[];
let told: Record<string, readonly DeviceSensors[]>;
let reader: PowerReader;

beforeEach(() => {
  now = 0;
  asked = [];
  told = {
    gpu: [
      { id: "gpu:0", powerW: 300, source: "nvidia-smi" },
      { id: "gpu:1", powerW: 70, source: "nvidia-smi" },
    ],
    "arm-cpu": [{ id: "cpu:0", temperatureC: 50, source: "hwmon" }],
  };
  reader = new PowerReader({
    now: () => now,
    served: () => [
      {
        definition: { backendKind: "arm-cpu" } as ModelDefinition,
        loaded: { instances: [{ report: { device: device("cpu:0") } }] as never },
      },
    ],
    inventory: {
      kindOf: (id) => (id.startsWith("gpu") ? "gpu" : undefined),
      sensorsOf: async (kind) => {
        asked.push(kind);
        return told[kind] ?? [];
      },
    },
  });
});

const read = async (...ids: readonly string[]) => [...(await reader.read(ids.map(device)))];

describe("the power of devices", () => {
  it("is that of the ones asked for, from the sensors of their kinds", async () => {
    expect(await read("gpu:0", "cpu:0")).toEqual([["gpu:0", 300]]);
    expect(asked.toSorted()).toEqual(["arm-cpu", "gpu"]);
  });

  it("is nobody's where software stands in for a board, or no backend here has it", async () => {
    expect([...(await reader.read([{ ...device("gpu:0"), emulated: true }]))]).toEqual([]);
    expect(await read("far:0")).toEqual([]);
    expect(asked).toEqual([]);
  });

  it("is asked for again after ten minutes where a kind told none, and always where it once did", async () => {
    await read("gpu:0", "cpu:0");
    told["gpu"] = [];
    asked = [];
    for (const at of [1, 5, 9]) {
      now = at * MINUTE_MS;
      await read("gpu:0", "cpu:0");
    }
    expect(asked).toEqual(["gpu", "gpu", "gpu"]);
    now = 10 * MINUTE_MS;
    told["arm-cpu"] = [{ id: "cpu:0", powerW: 20, source: "hwmon" }];
    expect(await read("cpu:0")).toEqual([["cpu:0", 20]]);
  });
});

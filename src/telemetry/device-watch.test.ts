import { describe, expect, it } from "vitest";
import type { DeviceReport } from "../inference/device-report.ts";
import { acceleratorMetrics } from "./accelerator-metrics.ts";
import { DeviceWatch } from "./device-watch.ts";

const board: DeviceReport = {
  ...{ id: "u50-0", backend: "xilinx-u50", vendor: "xilinx", platform: "xilinx_u50" },
  ...{ state: "ready", emulated: true, model: "jets/1/u50", busySeconds: 0 },
};
const gpu: DeviceReport = {
  ...{ id: "gpu:GPU-1", backend: "gpu", vendor: "nvidia", platform: "sm_90" },
  ...{ state: "ready", emulated: false, model: null, utilisation: 0.45, powerW: 100 },
};
const cpu: DeviceReport = {
  ...{ id: "cpu:0", backend: "arm-cpu", vendor: "cpu", platform: "x86_64" },
  ...{ state: "ready", emulated: false, model: null },
};

function setUp(list: () => Promise<readonly DeviceReport[]>) {
  const at = { now: 0, busySeconds: 0 };
  const watch = new DeviceWatch({
    list,
    boards: () => [{ ...board, busySeconds: at.busySeconds }],
    hostUse: () => 0.3,
    now: () => at.now,
  });
  const told = (name: string) => {
    const metric = acceleratorMetrics(() => watch.latest()).find((one) => one.name === name);
    return [...(metric?.read() ?? [])].map(({ labels, value }) => [labels["gpu_uuid"], value]);
  };
  return { at, watch, told };
}

describe("devices at a scrape", () => {
  it("are the boards alone until the others were read, and the scrape does not wait", async () => {
    const { watch, told } = setUp(async () => [board, gpu, cpu]);
    expect(told("nv_gpu_utilization").map(([id]) => id)).toEqual(["u50-0"]);
    await watch.read();
    expect(told("nv_gpu_utilization")).toEqual([
      ["u50-0", 0],
      ["gpu:GPU-1", 0.45],
      ["cpu:0", 0.3],
    ]);
  });

  it("are busy for the part of the time in which they executed, taken over a second or more", async () => {
    const { at, told } = setUp(async () => [board]);
    told("nv_gpu_utilization");
    at.now = 2000;
    at.busySeconds = 0.5;
    expect(told("nv_gpu_utilization")).toEqual([["u50-0", 0.25]]);
    at.now = 2500;
    at.busySeconds = 1;
    expect(told("nv_gpu_utilization")).toEqual([["u50-0", 0.25]]);
  });

  it("have drawn the power between two readings, and none where nobody reads it", async () => {
    let powerW = 100;
    const { at, watch, told } = setUp(async () => [board, { ...gpu, powerW }]);
    await watch.read();
    at.now = 10_000;
    powerW = 200;
    await watch.read();
    expect(told("nv_energy_consumption")).toEqual([["gpu:GPU-1", 1500]]);
    expect(told("nv_gpu_power_usage")).toEqual([["gpu:GPU-1", 200]]);
    expect(told("nv_gpu_power_limit")).toEqual([]);
  });

  it("tell who holds them, and for how long still", async () => {
    const held = { ...gpu, leasedTo: "cms", leasedModels: ["*"], leasedSeconds: 60 };
    const { watch, told } = setUp(async () => [held, cpu]);
    await watch.read();
    expect(told("beamgate_device_lease_seconds")).toEqual([["gpu:GPU-1", 60]]);
  });

  it("stay as they were read when reading fails", async () => {
    let broken = false;
    const { watch, told } = setUp(async () => {
      if (broken) throw new Error("no driver");
      return [gpu];
    });
    await watch.read();
    broken = true;
    await watch.read();
    expect(told("nv_gpu_power_usage")).toEqual([["gpu:GPU-1", 100]]);
  });
});

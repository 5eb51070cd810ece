/**
 * Triton's metrics of GPUs, for every device there is: dashboards count servers by `nv_gpu_utilization`,
 * and a gateway of boards and cores is one, too. `gpu_uuid` is the device's id.
 */
import type { DeviceReport } from "../inference/device-report.ts";
import type { WatchedDevice } from "./device-watch.ts";
import type { ReadMetric } from "./exposition/families.ts";
import type { Labels } from "./exposition/label-text.ts";

export function acceleratorMetrics(devices: () => readonly WatchedDevice[]): readonly ReadMetric[] {
  const known = new Map<string, Labels>();
  const uuid = (id: string): Labels => {
    const labels = known.get(id) ?? { gpu_uuid: id };
    known.set(id, labels);
    return labels;
  };
  const perDevice = (
    name: string,
    help: string,
    value: (device: WatchedDevice) => number | undefined,
    type: ReadMetric["type"] = "gauge",
  ): ReadMetric => ({
    ...{ name, help, type, labels: ["gpu_uuid"] },
    *read() {
      for (const device of devices()) {
        const read = value(device);
        if (read !== undefined) yield { labels: uuid(device.report.id), value: read };
      }
    },
  });
  return [
    perDevice(
      "nv_gpu_utilization",
      "How busy a device is: by its sensor, else by the time it executed [0.0 - 1.0]",
      ({ use }) => use,
    ),
    perDevice("nv_gpu_power_usage", "Power a device draws, W", ({ report }) => report.powerW),
    perDevice(
      "nv_gpu_power_limit",
      "Power a device may draw, W",
      ({ report }) => report.powerLimitW,
    ),
    perDevice(
      "nv_energy_consumption",
      "Energy a device has drawn since the first scrape, from its power, J",
      ({ joules }) => joules,
      "counter",
    ),
    perDevice(
      "nv_gpu_memory_total_bytes",
      "Memory of a device, bytes",
      ({ report }) => report.memoryBytes,
    ),
    perDevice(
      "nv_gpu_memory_used_bytes",
      "Of it, memory in use, bytes",
      ({ report }) => report.memoryUsedBytes,
    ),
    perDevice(
      "beamgate_device_temperature_celsius",
      "Temperature of a device, °C",
      ({ report }) => report.temperatureC,
    ),
    {
      name: "beamgate_device_lease_seconds",
      help: "Time for which a device is still held by one experiment, s",
      type: "gauge",
      labels: ["gpu_uuid", "to"],
      *read() {
        for (const { report } of devices()) {
          const { id, leasedTo: to, leasedSeconds: value } = report;
          if (to !== undefined && value !== undefined)
            yield { labels: { gpu_uuid: id, to }, value };
        }
      },
    },
    {
      name: "beamgate_device_info",
      help: "1; what a device is, and whose board it is",
      type: "gauge",
      labels: ["gpu_uuid", "device", "backend", "vendor", "platform", "emulated", "state"],
      read: () => devices().map(({ report }) => ({ labels: infoOf(report), value: 1 })),
    },
  ];
}

function infoOf({ id, backend, vendor, platform, emulated, state }: DeviceReport): Labels {
  const what = { gpu_uuid: id, device: id, backend, vendor, platform };
  return { ...what, emulated: String(emulated), state };
}

/** What Triton tells of its pinned memory: here, the memory in which the gateway holds requests. */
export function bodyMetrics(
  budget: () => { readonly totalBytes: number; readonly usedBytes: number },
): readonly ReadMetric[] {
  const gauge = (what: string, help: string, value: () => number): ReadMetric => ({
    ...{ name: `nv_pinned_memory_pool_${what}_bytes`, help, type: "gauge", labels: [] },
    read: () => [{ labels: {}, value: value() }],
  });
  return [
    gauge("total", "Memory for requests that are held, bytes", () => budget().totalBytes),
    gauge("used", "Of it, memory that requests take now, bytes", () => budget().usedBytes),
  ];
}

/** `nv_cpu_*`: how busy the machine is, read when somebody asks (`--allow-cpu-metrics`). */
import { cpus, freemem, totalmem } from "node:os";
import type { ReadMetric } from "./model-metrics.ts";

export interface CpuTimes {
  readonly busyMs: number;
  readonly totalMs: number;
}

/** Of all cores together, since the machine started. */
function systemTimes(): CpuTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    totalMs += busy + times.idle;
  }
  return { busyMs, totalMs };
}

/** @param intervalMs shortest time over which the load is taken. */
export function cpuMetrics(
  intervalMs: number,
  now: () => number,
  times: () => CpuTimes = systemTimes,
): readonly ReadMetric[] {
  let last = times();
  let lastAt = now();
  let utilization = 0;
  const gauge = (name: string, help: string, value: () => number): ReadMetric => ({
    name,
    help,
    type: "gauge",
    labels: [],
    read: () => [{ labels: {}, value: value() }],
  });
  return [
    gauge("nv_cpu_utilization", "CPU utilization rate [0.0 - 1.0]", () => {
      if (now() - lastAt < intervalMs) return utilization;
      const next = times();
      const totalMs = next.totalMs - last.totalMs;
      if (totalMs > 0) utilization = (next.busyMs - last.busyMs) / totalMs;
      last = next;
      lastAt = now();
      return utilization;
    }),
    gauge("nv_cpu_memory_total_bytes", "CPU total memory (RAM), in bytes", totalmem),
    gauge("nv_cpu_memory_used_bytes", "CPU used memory (RAM), in bytes", () => {
      return totalmem() - freemem();
    }),
  ];
}

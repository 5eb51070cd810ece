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

/**
 * How busy the cores are, 0 to 1, since it was asked last.
 * @param intervalMs shortest time over which the load is taken.
 */
export function hostUse(
  intervalMs: number,
  now: () => number,
  times: () => CpuTimes = systemTimes,
): () => number {
  let last = times();
  let lastAt = now();
  let use = 0;
  return () => {
    if (now() - lastAt < intervalMs) return use;
    const next = times();
    const totalMs = next.totalMs - last.totalMs;
    if (totalMs > 0) use = (next.busyMs - last.busyMs) / totalMs;
    last = next;
    lastAt = now();
    return use;
  };
}

/** @param intervalMs shortest time over which the load is taken. */
export function cpuMetrics(
  intervalMs: number,
  now: () => number,
  times: () => CpuTimes = systemTimes,
): readonly ReadMetric[] {
  const gauge = (name: string, help: string, value: () => number): ReadMetric => ({
    name,
    help,
    type: "gauge",
    labels: [],
    read: () => [{ labels: {}, value: value() }],
  });
  return [
    gauge(
      "nv_cpu_utilization",
      "CPU utilization rate [0.0 - 1.0]",
      hostUse(intervalMs, now, times),
    ),
    gauge("nv_cpu_memory_total_bytes", "CPU total memory (RAM), in bytes", totalmem),
    gauge("nv_cpu_memory_used_bytes", "CPU used memory (RAM), in bytes", () => {
      return totalmem() - freemem();
    }),
  ];
}

/** Boards in numbers, and requests that went from one variant to another. */
import type { DeviceReport } from "../inference/device-report.ts";
import type { ReadMetric, Sample } from "./model-metrics.ts";

export interface Failovers {
  readonly model: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export function deviceMetrics(
  boards: () => readonly DeviceReport[],
  failovers: () => Iterable<Failovers>,
): readonly ReadMetric[] {
  const ofBoards = (read: (board: DeviceReport) => Omit<Sample, "labels"> & { more?: object }) => {
    return () =>
      boards().map((board) => {
        const { value, more } = read(board);
        const { id, vendor, platform, emulated } = board;
        const labels = { device: id, vendor, platform, emulated: String(emulated), ...more };
        return { labels, value };
      });
  };
  const labels = ["device", "vendor", "platform", "emulated"];
  return [
    {
      name: "beamgate_device_state",
      help: "1 for the state a board is in: ready, loading, draining, drained, failed",
      type: "gauge",
      labels: [...labels, "state", "model"],
      read: ofBoards(({ state, model }) => ({ value: 1, more: { state, model: model ?? "" } })),
    },
    {
      name: "beamgate_device_breaker_open",
      help: "1 while a board gets no requests because it failed, until a probe of it succeeds",
      type: "gauge",
      labels,
      read: ofBoards(({ breaker }) => ({ value: breaker === "closed" ? 0 : 1 })),
    },
    {
      name: "beamgate_device_switches_total",
      help: "Times a board was given another artifact",
      type: "counter",
      labels,
      read: ofBoards(({ switches = 0 }) => ({ value: switches })),
    },
    {
      name: "beamgate_device_switch_seconds",
      help: "What giving a board another artifact takes, mean of those measured, s",
      type: "gauge",
      labels,
      read: ofBoards(({ switchMs = Number.NaN }) => ({ value: switchMs / 1000 })),
    },
    {
      name: "beamgate_device_executions_total",
      help: "Batches that a board has executed",
      type: "counter",
      labels,
      read: ofBoards(({ executions = 0 }) => ({ value: executions })),
    },
    {
      name: "beamgate_device_rows_total",
      help: "Rows that a board has executed",
      type: "counter",
      labels,
      read: ofBoards(({ rows = 0 }) => ({ value: rows })),
    },
    {
      name: "beamgate_device_busy_seconds_total",
      help: "Time a board has spent executing, s; of one that is emulated: time of the emulation",
      type: "counter",
      labels,
      read: ofBoards(({ busySeconds = 0 }) => ({ value: busySeconds })),
    },
    {
      name: "beamgate_failovers_total",
      help: "Requests that went from one variant of a model to another",
      type: "counter",
      labels: ["model", "from", "to"],
      read: () =>
        [...failovers()].map(({ model, from, to, count }) => ({
          labels: { model, from, to },
          value: count,
        })),
    },
  ];
}

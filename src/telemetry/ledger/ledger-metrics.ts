/** The ledger since the start of the process, for Prometheus. Tenants, models and devices are named by configuration alone. */

import { summed, type UsageCounts, type UsageLine } from "../../inference/usage.ts";
import type { ReadMetric, Sample } from "../model-metrics.ts";

const LABELS = ["tenant", "model", "version", "variant", "device"] as const;

export function ledgerMetrics(totals: () => Iterable<UsageLine>): readonly ReadMetric[] {
  const counter = (name: string, help: string, value: (counts: UsageCounts) => number | null) => ({
    name,
    help,
    type: "counter" as const,
    labels: LABELS,
    *read(): Generator<Sample> {
      for (const line of totals()) {
        const counted = value(line);
        if (counted !== null) yield { labels: labelsOf(line), value: counted };
      }
    },
  });
  return [
    counter("beamgate_usage_requests_total", "Requests answered", ({ requests }) => requests),
    counter("beamgate_usage_rows_total", "Rows of answered requests", ({ rows }) => rows),
    counter(
      "beamgate_usage_bytes_in_total",
      "Bytes of the tensors of answered requests",
      ({ bytesIn }) => bytesIn,
    ),
    counter(
      "beamgate_usage_bytes_out_total",
      "Bytes of the tensors of their answers",
      ({ bytesOut }) => bytesOut,
    ),
    counter(
      "beamgate_usage_device_seconds_total",
      "Time of devices, that of a batch parted by rows, s",
      ({ deviceSeconds }) => deviceSeconds,
    ),
    counter(
      "beamgate_usage_measured_seconds_total",
      "Time of devices during which their power was measured, s",
      ({ measuredSeconds }) => (measuredSeconds > 0 ? measuredSeconds : null),
    ),
    counter(
      "beamgate_usage_joules_total",
      "Energy of devices in the time that was measured, that of a batch parted by rows, J",
      ({ joules }) => joules,
    ),
    {
      name: "beamgate_usage_refused_total",
      help: "Requests that were not answered, by reason",
      type: "counter",
      labels: ["tenant", "model", "version", "reason"],
      *read() {
        for (const { tenant, model, version, refused } of refusals(totals())) {
          for (const [reason, value] of Object.entries(refused)) {
            yield { labels: { tenant, model, version, reason }, value };
          }
        }
      },
    },
  ];
}

const labelsOf = ({ tenant, model, version, variant, device }: UsageLine) => ({
  ...{ tenant, model, version, variant, device },
});

/** One line a model: requests are refused by devices as well as before them. */
function refusals(lines: Iterable<UsageLine>): UsageLine[] {
  return summed([...lines].map((line) => ({ ...line, variant: "", device: "" })));
}

/** The ledger since the start of the process, for Prometheus. Tenants, models and devices are named by configuration alone. */
import type { Labels } from "../exposition/label-text.ts";
import type { ReadMetric, Sample } from "../model-metrics.ts";
import type { LedgerRow } from "./ledger-row.ts";

const LABELS = ["tenant", "model", "version", "variant", "device"] as const;

export function ledgerMetrics(rows: () => Iterable<LedgerRow>): readonly ReadMetric[] {
  const counter = (name: string, help: string, value: (row: LedgerRow) => number | null) => ({
    name,
    help,
    type: "counter" as const,
    labels: LABELS,
    *read(): Generator<Sample> {
      for (const row of rows()) {
        const counted = value(row);
        if (counted !== null) yield { labels: labelsOf(row), value: counted };
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
      ({ joules, measuredSeconds }) => (measuredSeconds > 0 ? joules : null),
    ),
    refusalMetric(rows),
  ];
}

export const refusalMetric = (rows: () => Iterable<LedgerRow>): ReadMetric => ({
  name: "beamgate_usage_refused_total",
  help: "Requests that were not answered, by reason",
  type: "counter",
  labels: ["tenant", "model", "version", "reason"],
  read: () => refusals(rows()),
});

/** A row's key is the same object for good: its labels are written once. */
const labelsOf = ({ key }: LedgerRow): Labels => key as unknown as Labels;

/** One sample a model and reason: requests are refused by devices as well as before them. */
function refusals(rows: Iterable<LedgerRow>): Iterable<Sample> {
  const sums = new Map<string, { labels: Labels; value: number }>();
  for (const { key, refused } of rows) {
    for (const reason in refused) {
      const { tenant, model, version } = key;
      const text = JSON.stringify([tenant, model, version, reason]);
      const count = refused[reason] ?? 0;
      const known = sums.get(text);
      if (known !== undefined) known.value += count;
      else sums.set(text, { labels: { tenant, model, version, reason }, value: count });
    }
  }
  return sums.values();
}

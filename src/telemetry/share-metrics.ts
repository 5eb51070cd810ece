/** Device time by tenant: how much each used, how much of it was lent, and what waits. */
import type { ReadMetric } from "./model-metrics.ts";

/** Device time of one tenant on one kind of devices, µs. */
export interface ShareFigures {
  /** Platform of the devices; `cpu` for workers on the host's cores. */
  readonly pool: string;
  readonly tenant: string;
  readonly usedUs: number;
  readonly borrowedUs: number;
}

export interface WaitingFigures {
  readonly model: string;
  readonly version: string;
  readonly tenant: string;
  readonly rows: number;
}

/** Names of tenants come from the configuration, so there are as many series as it names. */
export function shareMetrics(
  used: () => Iterable<ShareFigures>,
  waiting: () => Iterable<WaitingFigures>,
): readonly ReadMetric[] {
  const seconds = (
    name: string,
    help: string,
    read: (its: ShareFigures) => number,
  ): ReadMetric => ({
    name,
    help,
    type: "counter",
    labels: ["tenant", "pool"],
    *read() {
      for (const its of used()) {
        const { tenant, pool } = its;
        yield { labels: { tenant, pool }, value: read(its) * 1e-6 };
      }
    },
  });
  return [
    seconds(
      "beamgate_tenant_pool_seconds_total",
      "Time of executions by tenant, each by its rows, s",
      ({ usedUs }) => usedUs,
    ),
    seconds(
      "beamgate_tenant_borrowed_seconds_total",
      "Of these, time beyond the tenant's guarantee: idle share, divided by weight, s",
      ({ borrowedUs }) => borrowedUs,
    ),
    {
      name: "beamgate_tenant_waiting_rows",
      help: "Rows that wait for a device, by tenant",
      type: "gauge",
      labels: ["tenant", "model", "version"],
      *read() {
        for (const { tenant, model, version, rows } of waiting()) {
          yield { labels: { tenant, model, version }, value: rows };
        }
      },
    },
  ];
}

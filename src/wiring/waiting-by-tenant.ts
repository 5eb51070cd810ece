/** Rows that wait for a device now, by model version and tenant. */
import type { ModelRepository } from "../registry/repository.ts";
import type { Served } from "../scheduling/served.ts";
import type { WaitingFigures } from "../telemetry/share-metrics.ts";

export function waitingByTenant(repository: ModelRepository<Served>): readonly WaitingFigures[] {
  return repository.served().flatMap(({ definition: { name: model, version }, loaded }) => {
    const sums = new Map<string, number>();
    // Variants of a model have queues of their own.
    for (const [tenant, rows] of loaded.rowsByTenant?.() ?? []) {
      sums.set(tenant, (sums.get(tenant) ?? 0) + rows);
    }
    return [...sums].map(([tenant, rows]) => ({ model, version, tenant, rows }));
  });
}

/** What waits for a device now, of all models or of a tenant. */
import type { Tenant } from "../inference/caller.ts";
import type { ModelRepository } from "../registry/repository.ts";
import type { Served } from "../scheduling/served.ts";
import type { WaitingFigures } from "../telemetry/share-metrics.ts";

/** By model version and tenant. */
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

/**
 * How long a tenant's rows that wait will take, by its share: of the model version where that is longest, as models
 * that have devices of their own do not wait for each other, ms.
 */
export function waitMsOf(repository: ModelRepository<Served>, tenant: Tenant): number {
  let longest = 0;
  for (const { loaded } of repository.served()) {
    longest = Math.max(longest, loaded.waitMsOf?.(tenant) ?? 0);
  }
  return longest;
}

/** A snapshot as somebody may see it: models that he may not use do not exist for him. */
import type { Caller } from "../../inference/caller.ts";
import type { Snapshot } from "../../inference/dashboard-report.ts";
import { mayUse } from "../../tenants/may-use.ts";

/** @param caller undefined: nobody was asked */
export function visibleTo(snapshot: Snapshot, caller: Caller | undefined): Snapshot {
  if (caller === undefined || caller.tenant.models.includes("*")) return snapshot;
  const isVisible = (model: string | undefined) => model === undefined || mayUse(caller, model);
  return {
    ...snapshot,
    models: snapshot.models.filter(({ name }) => isVisible(name)),
    variants: snapshot.variants.filter(({ model }) => isVisible(model)),
    drift: snapshot.drift.filter(({ model }) => isVisible(model)),
    // Instances are called by their models.
    workers: snapshot.workers.map((worker) => ({ ...worker, instances: [] })),
    alerts: snapshot.alerts.filter(({ model }) => isVisible(model)),
  };
}

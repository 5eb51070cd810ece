/** A snapshot as somebody may see it: models that he may not use do not exist for him. */
import type { Caller } from "../../inference/caller.ts";
import type { DeviceFigures, Snapshot } from "../../inference/dashboard-report.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { alertsOf } from "./alerts.ts";

/** In place of what names a model of others. */
const OF_OTHERS = "of others";

/** @param caller undefined: nobody was asked */
export function visibleTo(snapshot: Snapshot, caller: Caller | undefined): Snapshot {
  if (caller === undefined || caller.tenant.models.includes("*")) return snapshot;
  const isVisible = (model: string) => mayUse(caller, model);
  /** Names, and patterns of names. */
  const among = <Of extends { readonly models: readonly string[] }>(one: Of): Of => ({
    ...one,
    models: one.models.filter((model) => model === "*" || isVisible(model)),
  });
  const { alerts: _, ...rest } = snapshot;
  const visible = {
    ...rest,
    models: snapshot.models.filter(({ name }) => isVisible(name)),
    variants: snapshot.variants.filter(({ model }) => isVisible(model)),
    drift: snapshot.drift.filter(({ model }) => isVisible(model)),
    devices: snapshot.devices.map((device) => deviceFor(device, isVisible)),
    // Instances are called by their models.
    workers: snapshot.workers.map((worker) => ({ ...worker, instances: [] })),
    tenants: snapshot.tenants.map(among),
    reservations: snapshot.reservations.map(among),
  };
  return { ...visible, alerts: alertsOf(visible) };
}

function deviceFor(
  { trouble, leasedModels, ...device }: DeviceFigures,
  isVisible: (model: string) => boolean,
): DeviceFigures {
  const held = device.model?.split(", ") ?? [];
  const own = held.filter((each) => isVisible(each.split("/", 1).join()));
  return {
    ...device,
    model: held.length === 0 ? null : own.join(", ") || OF_OTHERS,
    ...(leasedModels && { leasedModels: leasedModels.filter(isVisible) }),
    // It tells of the model whose load failed, which nobody here can tell from its text.
    ...(trouble !== undefined && { trouble: "a load failed; operators are told why" }),
  };
}

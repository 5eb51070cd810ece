import type { DemandView, DeviceView } from "./views.ts";

/** The demand may use it, as far as leases go. */
export function isLent({ leasedTo }: DeviceView, { tenant }: DemandView): boolean {
  return leasedTo === undefined || leasedTo === tenant;
}

/** The device is what the variant was made for, and large enough. */
export function fits(device: DeviceView, demand: DemandView): boolean {
  return (
    device.platform === demand.platform &&
    (demand.vendor === undefined || demand.vendor === device.vendor) &&
    (demand.backend === undefined ||
      device.backend === undefined ||
      demand.backend === device.backend) &&
    (demand.memoryBytes ?? 0) <= (device.memoryBytes ?? Number.POSITIVE_INFINITY)
  );
}

/** Device time that tenants used on one kind of devices, for metrics. One line a tenant that ever used any. */
import type { Tenant } from "../../inference/caller.ts";

export interface TenantUse {
  readonly tenant: string;
  /** As measured, µs. */
  readonly usedUs: number;
  /** Of it, what went beyond the tenant's guarantee: idle share, divided by weight, µs. */
  readonly borrowedUs: number;
}

export class DeviceUse {
  readonly #tenants = new Map<string, { tenant: string; usedUs: number; borrowedUs: number }>();

  /** @param part of the devices that was the tenant's at that time, 0 to 1 */
  add({ name, guarantee }: Tenant, us: number, part: number): void {
    let use = this.#tenants.get(name);
    if (use === undefined) {
      use = { tenant: name, usedUs: 0, borrowedUs: 0 };
      this.#tenants.set(name, use);
    }
    use.usedUs += us;
    use.borrowedUs += us * Math.max(0, 1 - guarantee / part);
  }

  all(): Iterable<TenantUse> {
    return this.#tenants.values();
  }
}

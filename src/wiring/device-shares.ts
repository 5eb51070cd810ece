/** Which models divide the time of the same devices between tenants, and what each tenant used of them. */
import { DeviceUse, type TenantUse } from "../policy/fair-share/device-use.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import type { DeviceShare } from "../scheduling/scheduler.ts";

/** Of workers on the host's cores. */
const CORES = "cpu";

export class DeviceShares {
  readonly #clocks = new Map<string, ShareClock>();
  readonly #uses = new Map<string, DeviceUse>();

  /** Devices that take turns with several models: a tenant's share is of their time, whichever model it uses. */
  ofPlatform(platform: string): DeviceShare {
    let clock = this.#clocks.get(platform);
    if (clock === undefined) {
      clock = new ShareClock();
      this.#clocks.set(platform, clock);
    }
    return { clock, use: this.#useOf(platform) };
  }

  /** Workers of one model: what a tenant uses of another one takes nothing from them. */
  ofOwnWorkers(): DeviceShare {
    return { clock: new ShareClock(), use: this.#useOf(CORES) };
  }

  *all(): Generator<TenantUse & { readonly pool: string }, void> {
    for (const [pool, use] of this.#uses) for (const each of use.all()) yield { pool, ...each };
  }

  #useOf(pool: string): DeviceUse {
    const known = this.#uses.get(pool) ?? new DeviceUse();
    this.#uses.set(pool, known);
    return known;
  }
}

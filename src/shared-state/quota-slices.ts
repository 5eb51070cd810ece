/**
 * What this gateway may hand out of the limits of tenants that several gateways serve: leased by a beat for a moment
 * at a time, read as a snapshot. What was leased and ran out, because Redis is away or hangs, falls back to an equal part.
 */
import type { Quota, Tenant } from "../inference/caller.ts";
import { leastOf, wishOf } from "../policy/slices/wish.ts";
import type { Link } from "./link.ts";

export interface QuotaSlicesParts {
  readonly link: Pick<Link, "script" | "key">;
  readonly id: string;
  /** Gateways, this one included, as last known. */
  live(): number;
  /** Monotonic ms. */
  now(): number;
}

/** What of a tenant's rates is used, in parts of a second's worth (`TenantUsage.use`). */
export interface Demand {
  readonly tenant: Pick<Tenant, "name" | "quota">;
  readonly use: { readonly [limit in keyof Quota]: number };
}

type Rate = "rowsPerSecond" | "bytesPerSecond";
const RATES: readonly Rate[] = ["rowsPerSecond", "bytesPerSecond"];
/** Longest time that is handed out of a part after Redis was heard of. */
export const SLICE_MS = 250;
/** Parts come with nine digits. */
const ROUNDED = 1 + 1e-8;

interface Slice {
  readonly limit: number;
  readonly part: number;
  readonly othersWish: number;
  readonly until: number;
}

export class QuotaSlices {
  readonly #parts: QuotaSlicesParts;
  /** By tenant and limit. */
  readonly #slices = new Map<string, Slice>();
  /** Until then the others leave room for this gateway's first slice of a limit, and for no more. */
  #heardUntil = 0;

  constructor(parts: QuotaSlicesParts) {
    this.#parts = parts;
  }

  /** What this gateway may use now of a tenant's limits. What is no rate is divided evenly. */
  quotaFor({ name, quota }: Pick<Tenant, "name" | "quota">): Quota {
    const live = this.#parts.live();
    const own = Object.entries(quota).map(([limit, allowed]) => {
      const rate = RATES.find((each) => each === limit);
      return [limit, rate ? this.#rateFor(name, rate, allowed) : allowed / live];
    });
    return Object.fromEntries(own) as Quota;
  }

  /** Leases the next slices of those that have limits. Never rejects. */
  async lease(demands: readonly Demand[]): Promise<void> {
    const { link, id, now } = this.#parts;
    const live = this.#parts.live();
    const asked = demands.flatMap((demand) => this.#wishes(demand, live));
    // From before the command: Redis may have started the time at any moment after.
    const until = now() + SLICE_MS;
    const words = asked.flatMap(({ key, limit, wish }) => [key, limit, wish, leastOf(limit, live)]);
    const told = await link
      .script("leaseSlices", link.key("slices"), id, SLICE_MS, live, ...words)
      .catch(() => undefined);
    if (!Array.isArray(told) || told.length !== 2 * asked.length) return;
    this.#heardUntil = until;
    for (const [at, { key, limit }] of asked.entries()) {
      const [part, othersWish] = [Number(told[2 * at]), Number(told[2 * at + 1])];
      // Whatever answers there: no answer of a script of ours is anything else.
      if (!(part >= 0 && part <= limit * ROUNDED && othersWish >= 0)) continue;
      // A part of nothing comes of a moment without agreement on how many gateways there are.
      this.#slices.set(key, {
        ...{ limit, othersWish, until },
        part: Math.max(part, leastOf(limit, live)),
      });
    }
  }

  #wishes({ tenant, use }: Demand, live: number) {
    return RATES.flatMap((rate) => {
      const limit = tenant.quota[rate];
      if (limit === undefined) return [];
      const share = this.#rateFor(tenant.name, rate, limit);
      const key = keyOf(tenant.name, rate);
      const { othersWish = 0 } = this.#slices.get(key) ?? {};
      const wish = wishOf({ limit, live, share, used: (use[rate] ?? 0) / share, othersWish });
      return [{ key, limit, wish }];
    });
  }

  #rateFor(name: string, rate: Rate, limit: number): number {
    const slice = this.#slices.get(keyOf(name, rate));
    const now = this.#parts.now();
    const live = this.#parts.live();
    if (slice !== undefined && slice.until > now && slice.limit === limit) return slice.part;
    return this.#heardUntil > now ? leastOf(limit, live) : limit / live;
  }
}

const keyOf = (tenant: string, rate: Rate) => `${rate}:${tenant}`;

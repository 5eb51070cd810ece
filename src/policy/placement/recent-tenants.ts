/** Who uses a variant: tenants that wait for it, and those that did within the last seconds. */
import type { TenantRows } from "./views.ts";

/** Who asked for nothing for so long uses nothing, ms. */
const RECENT_MS = 2_000;

export class RecentTenants {
  readonly #tenants = new Map<string, { rows: TenantRows; untilMs: number }>();

  /**
   * @param waiting a tenant may be named several times; one that came and does not wait any more, with 0 rows
   * @returns each once
   */
  list(waiting: Iterable<TenantRows>, now: number): readonly TenantRows[] {
    for (const [tenant, { rows, untilMs }] of this.#tenants) {
      if (untilMs < now) this.#tenants.delete(tenant);
      else this.#tenants.set(tenant, { rows: { ...rows, rows: 0, requests: 0 }, untilMs });
    }
    for (const each of waiting) {
      const { rows = 0, requests = 0 } = this.#tenants.get(each.tenant)?.rows ?? {};
      const all = { ...each, rows: rows + each.rows, requests: requests + each.requests };
      this.#tenants.set(each.tenant, { rows: all, untilMs: now + RECENT_MS });
    }
    return [...this.#tenants.values()].map(({ rows }) => rows);
  }
}

/** Who uses a variant, and how much of its boards each does. */
import type { DemandView, TenantRows } from "./views.ts";

/** The rows of each tenant, all demands together. */
export function tenantsOf(demands: readonly DemandView[]): Map<string, TenantRows> {
  const tenants = new Map<string, TenantRows>();
  for (const { tenants: listed = [] } of demands) {
    for (const each of listed) {
      const known = tenants.get(each.tenant);
      tenants.set(each.tenant, known === undefined ? each : together(known, each));
    }
  }
  return tenants;
}

/**
 * The fraction of the variant's boards that each has: those who wait, by their parts, as the queue divides it; where
 * nobody does, whoever used it.
 */
export function usersOf(
  tenants: ReadonlyMap<string, TenantRows>,
  partOf: (tenant: string) => number,
): ReadonlyMap<string, number> {
  const waits = [...tenants.values()].some(({ rows }) => rows > 0);
  const users = new Map<string, number>();
  let all = 0;
  for (const { tenant, rows } of tenants.values()) {
    if (waits && rows === 0) continue;
    users.set(tenant, partOf(tenant));
    all += partOf(tenant);
  }
  for (const [tenant, part] of users) users.set(tenant, part / all);
  return users;
}

function together(one: TenantRows, other: TenantRows): TenantRows {
  return {
    ...one,
    rows: one.rows + other.rows,
    requests: one.requests + other.requests,
  };
}

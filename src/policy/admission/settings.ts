/** What is changed of tenants while the gateway runs, beside the file that names them. */
import { StatusError } from "../../errors.ts";
import { LEAST_LIMIT, type Quota, type Tenant } from "../../inference/caller.ts";

export const LIMITS: readonly (keyof Quota)[] = [
  "rowsPerSecond",
  "bytesPerSecond",
  "concurrentBytes",
  "deviceSecondsPerDay",
];

/** Absent: as the file says. */
export interface TenantChange {
  readonly weight?: number;
  readonly guarantee?: number;
  /** null: no limit, whatever the file says. */
  readonly quota?: { readonly [limit in keyof Quota]?: number | null };
}

/** By name of the tenant. Of those that the file does not name any more nothing happens. */
export type Changes = Readonly<Record<string, TenantChange>>;

/** The tenant as it is treated. */
export function withChange(tenant: Tenant, change: TenantChange | undefined): Tenant {
  if (change === undefined) return tenant;
  const { weight = tenant.weight, guarantee = tenant.guarantee, quota = {} } = change;
  return { ...tenant, weight, guarantee, quota: limited({ ...tenant.quota, ...quota }) };
}

function limited(quota: NonNullable<TenantChange["quota"]>): Quota {
  const limits = Object.entries(quota).filter(([, limit]) => typeof limit === "number");
  return Object.fromEntries(limits) as Quota;
}

/** What holds after a second change of the same tenant. */
export function mergedChange(before: TenantChange | undefined, change: TenantChange): TenantChange {
  const quota = { ...before?.quota, ...change.quota };
  return { ...before, ...change, ...(Object.keys(quota).length > 0 && { quota }) };
}

/**
 * @param given members as a client or a record has them
 * @throws StatusError INVALID_ARGUMENT naming the member
 */
export function readChange(given: Readonly<Record<string, unknown>>): TenantChange {
  refuseUnknown(given, ["weight", "guarantee", "quota"], "");
  const { weight, guarantee, quota } = given;
  return {
    ...(weight !== undefined && { weight: asNumber(weight, "weight", (n) => n > 0, "above 0") }),
    ...(guarantee !== undefined && {
      guarantee: asNumber(guarantee, "guarantee", (n) => n >= 0 && n <= 1, "from 0 to 1"),
    }),
    ...(quota !== undefined && { quota: readLimits(quota) }),
  };
}

function readLimits(quota: unknown): NonNullable<TenantChange["quota"]> {
  if (typeof quota !== "object" || quota === null || Array.isArray(quota)) {
    throw wrong("quota", "an object of limits");
  }
  refuseUnknown(quota, LIMITS, "quota.");
  const enough = (limit: number) => limit >= LEAST_LIMIT;
  const words = `of at least ${LEAST_LIMIT}, or null`;
  const limits = Object.entries(quota).map(([name, limit]) => [
    name,
    limit === null ? null : asNumber(limit, `quota.${name}`, enough, words),
  ]);
  return Object.fromEntries(limits);
}

/** @throws StatusError FAILED_PRECONDITION where more is promised than there is */
export function requireFulfillable(tenants: readonly Tenant[]): void {
  const sum = tenants.reduce((total, { guarantee }) => total + guarantee, 0);
  if (sum <= 1 + 1e-9) return;
  const shares = tenants.filter(({ guarantee }) => guarantee > 0);
  const told = shares.map(({ name, guarantee }) => `${name} ${guarantee}`).join(", ");
  const text = `the guarantees of all tenants are ${Number(sum.toPrecision(6))} together (${told})`;
  throw new StatusError("FAILED_PRECONDITION", `${text}: at most 1 can be promised`);
}

function asNumber(
  value: unknown,
  key: string,
  fits: (value: number) => boolean,
  words: string,
): number {
  if (typeof value === "number" && Number.isFinite(value) && fits(value)) return value;
  throw wrong(key, `a number ${words}`);
}

function refuseUnknown(given: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw wrong(`${where}${unknown}`, `one of ${known.join(", ")}`);
}

function wrong(key: string, expected: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `'${key}' of a tenant: expected ${expected}`);
}

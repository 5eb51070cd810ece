/** Tenants and their callers, right in every way but the ones a test names. */
import { ANYBODY, type Caller, DEFAULT_TENANT, type Tenant } from "../../src/inference/caller.ts";

export function aTenant(index: number, given: Partial<Tenant> = {}): Tenant {
  return { ...DEFAULT_TENANT, name: `tenant ${index}`, index, ...given };
}

export function aCaller(tenant: Tenant): Caller {
  return { ...ANYBODY, tenant };
}

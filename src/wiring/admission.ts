/**
 * Quotas at the line: what each tenant uses, by its index. A tenant without limits costs a
 * look at a table; the call of one that has some is watched until it ends.
 */
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { InferCall, InferRequest } from "../inference/request.ts";
import { requestBytes } from "../inference/request-bytes.ts";
import { quotaRefusal } from "../policy/admission/refusal.ts";
import { TenantUsage } from "../policy/admission/tenant-usage.ts";
import { MeteredCall } from "./metered-call.ts";

export interface AdmissionParts {
  /** The tenant with its terms as they are now. */
  termsOf(tenant: Tenant): Tenant;
  /** Monotonic ms. */
  now(): number;
}

export class Admission {
  readonly #parts: AdmissionParts;
  /** By index of the tenant; made when it is first met. */
  readonly #usages: TenantUsage[] = [];

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * @returns the call to go on with
   * @throws StatusError RESOURCE_EXHAUSTED over the quota; nothing is counted then
   */
  admit(request: InferRequest, call: InferCall): InferCall {
    const tenant = call.caller?.tenant ?? DEFAULT_TENANT;
    const usage = this.usageOf(tenant);
    if (!usage.watched) return call;
    const { rows } = request;
    const bytes = requestBytes(request);
    const now = this.#parts.now();
    const refusal = usage.admit(rows, bytes, now);
    if (refusal !== undefined) throw quotaRefusal(tenant.name, refusal, { rows, bytes });
    const bundled = request.bundled !== undefined;
    return new MeteredCall(call, usage, { rows, bytes, bundled }, this.#parts.now);
  }

  usageOf(tenant: Tenant): TenantUsage {
    return this.#usages[tenant.index] ?? this.#meet(tenant);
  }

  /** What a tenant uses; undefined: it has not been met yet. */
  met(tenant: Tenant): TenantUsage | undefined {
    return this.#usages[tenant.index];
  }

  /** Limits may have changed: they hold from now on. */
  changed(tenants: Iterable<Tenant>): void {
    const now = this.#parts.now();
    for (const tenant of tenants) {
      this.#usages[tenant.index]?.setTerms(this.#parts.termsOf(tenant), now);
    }
  }

  /** This gateway may hand out another part of the same limits. */
  sharesChanged(tenants: Iterable<Tenant>): void {
    const now = this.#parts.now();
    for (const tenant of tenants) {
      this.#usages[tenant.index]?.setShare(this.#parts.termsOf(tenant), now);
    }
  }

  #meet(tenant: Tenant): TenantUsage {
    const usage = new TenantUsage(this.#parts.termsOf(tenant), this.#parts.now());
    this.#usages[tenant.index] = usage;
    return usage;
  }
}

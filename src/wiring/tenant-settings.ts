/** Weights, guarantees and quotas as they hold now: what the file of tenants says, and what was changed since. */
import { StatusError } from "../errors.ts";
import type { Quota, Tenant } from "../inference/caller.ts";
import type {
  ChangeContext,
  TenantChanged,
  TenantControl,
  TenantList,
  TenantTerms,
} from "../inference/tenant-report.ts";
import {
  type Changes,
  mergedChange,
  readChange,
  requireFulfillable,
  type TenantChange,
  withChange,
} from "../policy/admission/settings.ts";
import { type SharedValue, type TenancyStore, tellOf } from "./tenancy-store.ts";

export interface TenantSettingsParts {
  /** As the file has them; changes when it is read anew. */
  tenants(): readonly Tenant[];
  readonly store: TenancyStore;
  used(tenant: Tenant): Quota;
  /** ms since 1970. */
  wallMs(): number;
}

export class TenantSettings implements TenantControl {
  readonly #parts: TenantSettingsParts;
  readonly #changes: SharedValue<Changes>;
  #applied = 0;
  /** Called when terms may have changed. */
  onChange: (() => void) | undefined;

  constructor(parts: TenantSettingsParts) {
    this.#parts = parts;
    this.#changes = parts.store.value<Changes>("tenants", {});
    this.#applied = this.#changes.generation;
  }

  /** @param tenant as the file has it */
  adjusted(tenant: Tenant): Tenant {
    return withChange(tenant, changeOf(this.#changes.value, tenant.name));
  }

  list(): TenantList {
    const { store, used } = this.#parts;
    const tenants = this.#parts.tenants().map((tenant) => {
      const { name, weight, guarantee, sonic, models, quota } = this.adjusted(tenant);
      const changed = changeOf(this.#changes.value, name);
      return {
        ...{ name, weight, guarantee, sonic, models, quota, used: used(tenant) },
        ...(changed && { changed }),
      };
    });
    return { generation: this.#changes.generation, durable: store.durable, tenants };
  }

  async change(
    name: string,
    given: Readonly<Record<string, unknown>> | undefined,
    { who, generation = this.#changes.generation, dryRun }: ChangeContext,
  ): Promise<TenantChanged> {
    const { store, wallMs } = this.#parts;
    const tenant = this.#tenant(name);
    const { [name]: old, ...others } = this.#changes.value;
    const change = given && mergedChange(old, readChange(given));
    const changes: Changes = change === undefined ? others : { ...others, [name]: change };
    requireFulfillable(
      this.#parts.tenants().map((each) => withChange(each, changeOf(changes, each.name))),
    );
    const before = termsOf(this.adjusted(tenant));
    const after = termsOf(withChange(tenant, change));
    if (dryRun) return { before, after, generation: this.#changes.generation };
    const at = new Date(wallMs()).toISOString();
    const action = change === undefined ? "reset tenant" : "set tenant";
    const line = { ...{ at, who, action, tenant: name }, before, after };
    await this.#changes.commit(generation, changes, line);
    this.noticeChange();
    const committed = this.#changes.generation;
    await tellOf(store, line, committed);
    return { before, after, generation: committed };
  }

  audit(limit: number): Promise<readonly object[]> {
    return this.#parts.store.audit.read(limit);
  }

  /** Looks whether somebody else changed something. */
  noticeChange(): void {
    if (this.#changes.generation === this.#applied) return;
    this.#applied = this.#changes.generation;
    this.onChange?.();
  }

  #tenant(name: string): Tenant {
    const found = this.#parts.tenants().find((tenant) => tenant.name === name);
    if (found !== undefined) return found;
    const known = this.#parts.tenants().map((tenant) => tenant.name);
    throw new StatusError(
      "NOT_FOUND",
      `there is no tenant '${name}'; there are ${known.join(", ")}`,
    );
  }
}

/** Names are chosen by people: `constructor` is one as well. */
const changeOf = (changes: Changes, name: string): TenantChange | undefined =>
  Object.hasOwn(changes, name) ? changes[name] : undefined;

const termsOf = ({ weight, guarantee, quota }: Tenant): TenantTerms => ({
  ...{ weight, guarantee, quota },
});

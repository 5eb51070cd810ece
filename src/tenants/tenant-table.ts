/** The tenants there are now, each with an index that stays its own while the process lives. */
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { NamedTenant } from "./tenants-file.ts";

export class TenantTable {
  /** Of every name that was ever seen. 0 is that of the gateway's own work, which no tenant asked for. */
  readonly #indices = new Map<string, number>([[DEFAULT_TENANT.name, DEFAULT_TENANT.index]]);
  #tenants: ReadonlyMap<string, Tenant> = new Map();
  readonly #listeners: ((tenants: readonly Tenant[]) => void)[] = [];

  /** In the order of the file; those that left it are gone. */
  all(): readonly Tenant[] {
    return [...this.#tenants.values()];
  }

  named(name: string): Tenant | undefined {
    return this.#tenants.get(name);
  }

  /** Calls `tell` whenever there are others, or one has become different. */
  onChange(tell: (tenants: readonly Tenant[]) => void): void {
    this.#listeners.push(tell);
  }

  replace(tenants: readonly NamedTenant[]): void {
    this.#tenants = new Map(
      tenants.map((tenant) => [tenant.name, { ...tenant, index: this.#indexOf(tenant.name) }]),
    );
    for (const tell of this.#listeners) tell(this.all());
  }

  #indexOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(name, index);
    return index;
  }
}

/** The tenants there are now, each with an index that stays its own while the process lives. */
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { NamedTenant } from "./tenants-file.ts";

/** Changes in place: whoever calls carries it as long as his connection lasts, and terms hold at once. */
type LiveTenant = { -readonly [field in keyof Tenant]: Tenant[field] };

export class TenantTable {
  /** Of every name that was ever seen. 0 is that of the gateway's own work, which no tenant asked for. */
  readonly #indices = new Map<string, number>([[DEFAULT_TENANT.name, DEFAULT_TENANT.index]]);
  #written: readonly Tenant[] = [];
  /** Of every name that was ever seen. */
  readonly #live = new Map<string, LiveTenant>();
  #tenants: ReadonlyMap<string, Tenant> = new Map();
  #adjusted: (written: Tenant) => Tenant = (written) => written;
  readonly #listeners: ((tenants: readonly Tenant[]) => void)[] = [];

  /** In the order of the file; those that left it are gone. */
  all(): readonly Tenant[] {
    return [...this.#tenants.values()];
  }

  named(name: string): Tenant | undefined {
    return this.#tenants.get(name);
  }

  /** As the file has them, whatever was changed since. */
  written(): readonly Tenant[] {
    return this.#written;
  }

  /** @param adjusted what is changed of a tenant while the gateway runs; asked again by `readjust` */
  adjustBy(adjusted: (written: Tenant) => Tenant): void {
    this.#adjusted = adjusted;
    this.readjust();
  }

  /** The terms of some are different now. */
  readjust(): void {
    this.#tenants = new Map(
      this.#written.map((tenant) => [tenant.name, this.#asTreated(tenant)] as const),
    );
    for (const tell of this.#listeners) tell(this.all());
  }

  /** Calls `tell` whenever there are others, or one has become different. */
  onChange(tell: (tenants: readonly Tenant[]) => void): void {
    this.#listeners.push(tell);
  }

  replace(tenants: readonly NamedTenant[]): void {
    this.#written = tenants.map((tenant) => ({ ...tenant, index: this.#indexOf(tenant.name) }));
    this.readjust();
  }

  #asTreated(written: Tenant): Tenant {
    const terms = this.#adjusted(written);
    const known = this.#live.get(written.name);
    if (known !== undefined) return Object.assign(known, terms);
    const live: LiveTenant = { ...terms };
    this.#live.set(written.name, live);
    return live;
  }

  #indexOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(name, index);
    return index;
  }
}

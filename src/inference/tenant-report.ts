/** A tenant as people see it: by HTTP and on the command line. */
import type { Quota } from "./caller.ts";

export interface TenantReport {
  readonly name: string;
  readonly weight: number;
  readonly guarantee: number;
  readonly sonic: boolean;
  readonly models: readonly string[];
  readonly quota: Quota;
  /** What is used now of each limit that is set. */
  readonly used: Quota;
  /** What was changed since the file was read; absent: nothing. */
  readonly changed?: object;
}

export interface TenantList {
  /** Of all tenants together; grows with every change. */
  readonly generation: number;
  /** False: changes end with the process (no tenancy.folder). */
  readonly durable: boolean;
  readonly tenants: readonly TenantReport[];
}

export type TenantTerms = Pick<TenantReport, "weight" | "guarantee" | "quota">;

export interface TenantChanged {
  readonly before: TenantTerms;
  readonly after: TenantTerms;
  /** That is there now; of a preview: that the change would be made from. */
  readonly generation: number;
}

/** Who asks for a change, from what, and whether it is to be made or only shown. */
export interface ChangeContext {
  readonly who: string;
  readonly generation?: number | undefined;
  readonly dryRun: boolean;
}

export interface TenantControl {
  list(): TenantList;
  /**
   * @param change undefined: back to what the file says
   * @throws StatusError NOT_FOUND, INVALID_ARGUMENT, ABORTED where somebody was faster
   */
  change(
    tenant: string,
    change: Readonly<Record<string, unknown>> | undefined,
    context: ChangeContext,
  ): Promise<TenantChanged>;
  /** Newest first. */
  audit(limit: number): Promise<readonly object[]>;
}

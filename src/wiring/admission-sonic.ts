/** Which models somebody is told of. Clients of CMSSW take every name in the index as served, so theirs has no others. */
import { type Caller, DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import { matchesPattern } from "../inference/name-pattern.ts";
import type { ClientConnection } from "../inference/shared-regions.ts";
import { JobStarts, type SonicRules } from "../policy/admission/sonic.ts";
import type { IndexEntry } from "../registry/types.ts";
import type { Admission } from "./admission.ts";

export interface SonicSettings {
  readonly sonicPatienceMs: number;
  readonly sonicStartsPerSecond: number;
}

export interface IndexParts {
  readonly admission: Pick<Admission, "usageOf">;
  readonly rules: SonicRules;
  /** How long what waits of the tenant will take, as its share and the cost of batches say, ms. */
  waitMsOf(tenant: Tenant): number;
  /** Monotonic ms. */
  now(): number;
}

/**
 * @param connection one identity per connection; undefined: none that means a job
 * @throws StatusError UNAVAILABLE while jobs of the tenant should not begin
 */
export type IndexFor = (
  index: (readyOnly: boolean) => readonly IndexEntry[],
  caller: Caller | undefined,
  connection: ClientConnection | undefined,
) => readonly IndexEntry[];

export const sonicRules = (settings: SonicSettings): SonicRules => ({
  patienceMs: settings.sonicPatienceMs,
  startsPerSecond: settings.sonicStartsPerSecond,
});

export function indexFor({ admission, rules, waitMsOf, now }: IndexParts): IndexFor {
  /** By index of the tenant. */
  const starts: JobStarts[] = [];
  /** A job that was let in keeps running, and may look again. */
  const running = new WeakSet<ClientConnection>();
  return (index, caller, connection) => {
    const tenant = caller?.tenant ?? DEFAULT_TENANT;
    if (!tenant.sonic) return index(false);
    if (connection === undefined || !running.has(connection)) {
      starts[tenant.index] ??= new JobStarts(rules);
      const usage = admission.usageOf(tenant);
      // What was measured knows of everything that has happened; what waits, of what came just now.
      const refusal = starts[tenant.index]?.refusal(
        tenant.name,
        {
          drainMs: (at) => Math.max(usage.drainMs(at), waitMsOf(tenant)),
          exhausted: (at) => usage.exhausted(at),
          heldRows: usage.heldRows,
        },
        now(),
      );
      if (refusal !== undefined) throw refusal;
      if (connection !== undefined) running.add(connection);
    }
    return index(true).filter(({ name }) =>
      tenant.models.some((pattern) => matchesPattern(pattern, name)),
    );
  };
}

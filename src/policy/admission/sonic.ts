/**
 * Whether jobs of a CMSSW tenant may begin. An error to `RepositoryIndex` is the one signal that CMSSW understands: such a
 * job goes to another server, or computes by itself. Waves of jobs are smoothed while work piles up.
 */
import { StatusError } from "../../errors.ts";
import type { OverQuota, TenantUsage } from "./tenant-usage.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface SonicRules {
  /** What a tenant has in the gateway may take so long, ms. */
  readonly patienceMs: number;
  /** Jobs of a tenant that may begin while it takes more than half of that. */
  readonly startsPerSecond: number;
}

/** From here on starts are smoothed, as a part of the patience. */
const PRESSURE = 0.5;

export class JobStarts {
  readonly #rules: SonicRules;
  #starts: TokenBucket | undefined;

  constructor(rules: SonicRules) {
    this.#rules = rules;
  }

  /** @returns why a job that begins now would not get its tenant's share; undefined: it may */
  refusal(
    tenant: string,
    usage: Pick<TenantUsage, "drainMs" | "exhausted" | "heldRows">,
    now: number,
  ): StatusError | undefined {
    const { patienceMs, startsPerSecond } = this.#rules;
    const exhausted = usage.exhausted(now);
    if (exhausted !== undefined) return refused(tenant, quotaText(exhausted), exhausted.retryMs);
    const drainMs = usage.drainMs(now);
    if (drainMs > patienceMs) {
      const text = `${usage.heldRows} rows of it are in the gateway, which take ${seconds(drainMs)} s as things go`;
      return refused(tenant, text, drainMs - patienceMs);
    }
    if (drainMs <= PRESSURE * patienceMs) {
      this.#starts = undefined;
      return undefined;
    }
    this.#starts ??= new TokenBucket(startsPerSecond, now);
    const waitMs = this.#starts.waitMs(1, now);
    if (waitMs > 0)
      return refused(tenant, `more than ${startsPerSecond} jobs a second begin`, waitMs);
    this.#starts.take(1, now);
    return undefined;
  }
}

const quotaText = ({ current, allowed }: OverQuota) =>
  `${seconds(1000 * current)} of ${allowed} device seconds in 24 hours are used`;

const seconds = (ms: number) => Number((ms / 1000).toPrecision(3));

function refused(tenant: string, reason: string, retryMs: number | undefined): StatusError {
  const text = `tenant '${tenant}' does not get its share now: ${reason}`;
  return new StatusError("UNAVAILABLE", `${text}; use another server, or begin later`, {
    retryMs: Math.ceil(retryMs ?? -1),
  });
}

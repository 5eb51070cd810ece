/** What a tenant uses of its quota, and whether a request fits into it. */
import type { Quota, Tenant } from "../../inference/caller.ts";
import { DrainMeter } from "./drain-meter.ts";
import { RollingDay } from "./rolling-day.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Why a request is not admitted. */
export interface OverQuota {
  readonly limit: keyof Quota;
  readonly allowed: number;
  /** What counts against `allowed` now, without the request. */
  readonly current: number;
  /** When it may fit; undefined: never, it alone is more than is allowed. */
  readonly retryMs: number | undefined;
}

/** What of each limit is used; of those that are set. */
export type QuotaUse = { readonly [limit in keyof Quota]: number };

/** Concurrent bytes are freed by answers, nobody knows when: whoever was refused may look again after this, ms. */
const LOOK_AGAIN_MS = 20;

export class TenantUsage {
  #quota: Quota = {};
  #rows: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #heldBytes = 0;
  #watched = false;
  /** Of tenants that are told to wait when their work does not get done. */
  #drain: DrainMeter | undefined;
  /** Kept without a limit, too: one that is set later counts what was used before. */
  #day: RollingDay | undefined;

  /** @param now monotonic ms */
  constructor(terms: Pick<Tenant, "quota" | "sonic">, now: number) {
    this.setTerms(terms, now);
  }

  /** Other terms hold from now on. */
  setTerms(terms: Pick<Tenant, "quota" | "sonic">, now: number): void {
    this.#setTerms(terms, now, (bucket, perSecond) => bucket.setLimit(perSecond, now));
  }

  /** Another part of the same terms: what was used stays used. */
  setShare(terms: Pick<Tenant, "quota" | "sonic">, now: number): void {
    this.#setTerms(terms, now, (bucket, perSecond) => bucket.setRate(perSecond, now));
  }

  #setTerms(
    { quota, sonic }: Pick<Tenant, "quota" | "sonic">,
    now: number,
    change: (bucket: TokenBucket, perSecond: number) => void,
  ): void {
    this.#quota = quota;
    this.#watched = sonic || Object.values(quota).some((limit) => limit !== undefined);
    if (!sonic) this.#drain = undefined;
    else this.#drain ??= new DrainMeter();
    const bucketOf = (bucket: TokenBucket | undefined, perSecond: number | undefined) => {
      if (perSecond === undefined) return undefined;
      if (bucket === undefined) return new TokenBucket(perSecond, now);
      change(bucket, perSecond);
      return bucket;
    };
    this.#rows = bucketOf(this.#rows, quota.rowsPerSecond);
    this.#bytes = bucketOf(this.#bytes, quota.bytesPerSecond);
  }

  /** True where its requests have to be told: `admit`, `hold` and `letGo`. */
  get watched(): boolean {
    return this.#watched;
  }

  /** Takes its rows and bytes of the second where the request fits; those it holds are told by `hold`. */
  admit(rows: number, bytes: number, now: number): OverQuota | undefined {
    const refusal = this.#refusal(rows, bytes, now);
    if (refusal !== undefined) return refusal;
    this.#rows?.take(rows, now);
    this.#bytes?.take(bytes, now);
    return undefined;
  }

  /** The request was not served: it counts for nothing. */
  takeBack(rows: number, bytes: number): void {
    this.#rows?.giveBack(rows);
    this.#bytes?.giveBack(bytes);
  }

  /** A request is in the gateway, until `letGo`. */
  hold(rows: number, bytes: number, now: number): void {
    this.#heldBytes += bytes;
    this.#drain?.hold(rows, now);
  }

  /** @param served it was answered */
  letGo(rows: number, bytes: number, served: boolean, now: number): void {
    this.#heldBytes -= bytes;
    this.#drain?.letGo(rows, served, now);
  }

  /** How long what it has in the gateway will take, as things go; 0 also where nobody looks. */
  drainMs(now: number): number {
    return this.#drain?.drainMs(now) ?? 0;
  }

  get heldRows(): number {
    return this.#drain?.heldRows ?? 0;
  }

  /** @param atMs monotonic ms; may lie in the past: what is known from before this process */
  ran(deviceSeconds: number, atMs: number): void {
    this.#day ??= new RollingDay();
    this.#day.add(deviceSeconds, atMs);
  }

  /** The daily limit that is used up: nothing of this tenant is admitted now. */
  exhausted(now: number): OverQuota | undefined {
    const allowed = this.#quota.deviceSecondsPerDay;
    if (allowed === undefined || this.#day === undefined) return undefined;
    const current = this.#day.sum(now);
    if (current < allowed) return undefined;
    const retryMs = this.#day.waitMs(allowed, now);
    return { limit: "deviceSecondsPerDay", allowed, current, retryMs };
  }

  use(now: number): QuotaUse {
    const { concurrentBytes, deviceSecondsPerDay } = this.#quota;
    return {
      ...(this.#rows && { rowsPerSecond: this.#rows.used(now) }),
      ...(this.#bytes && { bytesPerSecond: this.#bytes.used(now) }),
      ...(concurrentBytes !== undefined && { concurrentBytes: this.#heldBytes }),
      ...(deviceSecondsPerDay !== undefined && { deviceSecondsPerDay: this.#day?.sum(now) ?? 0 }),
    };
  }

  #refusal(rows: number, bytes: number, now: number): OverQuota | undefined {
    return (
      overRate("rowsPerSecond", this.#rows, rows, now) ??
      overRate("bytesPerSecond", this.#bytes, bytes, now) ??
      this.#tooManyBytes(bytes) ??
      this.exhausted(now)
    );
  }

  #tooManyBytes(bytes: number): OverQuota | undefined {
    const allowed = this.#quota.concurrentBytes;
    const current = this.#heldBytes;
    if (allowed === undefined || current + bytes <= allowed) return undefined;
    const retryMs = bytes > allowed ? undefined : LOOK_AGAIN_MS;
    return { limit: "concurrentBytes", allowed, current, retryMs };
  }
}

function overRate(
  limit: "rowsPerSecond" | "bytesPerSecond",
  bucket: TokenBucket | undefined,
  amount: number,
  now: number,
): OverQuota | undefined {
  const retryMs = bucket?.waitMs(amount, now) ?? 0;
  if (bucket === undefined || retryMs === 0) return undefined;
  return { limit, allowed: bucket.perSecond, current: bucket.used(now), retryMs };
}

/**
 * The requests of one model that wait, by tenant: within a tenant as its queue says (`queue.ts`), between
 * tenants by their share of the devices' time (`policy/fair-share`). Where one tenant alone waits this is its
 * queue.
 *
 *   turns (smallest tag first)      atlas ── queue: a b c …
 *                                   cms ──── queue: d …
 *
 * A batch is filled from several tenants, in the order in which they would be served one by one.
 */
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest } from "../inference/request.ts";
import type { ShareClock } from "../policy/fair-share/share-clock.ts";
import type { CostCurve } from "./cost-curve.ts";
import type { Entry } from "./entry.ts";
import type { Mates } from "./queue.ts";
import { TenantRound } from "./tenant-round.ts";
import { type TenantLine, Turns } from "./turns.ts";

/**
 * A tenant that got nothing here for so long is served next, whatever its share was spent on elsewhere; once
 * in so long, so that shares hold, ms.
 */
const AGED_MS = 1_000;

/** What of one tenant waits. */
export interface TenantShare {
  readonly tenant: Tenant;
  readonly rows: number;
  readonly requests: number;
}

export class TenantQueues {
  readonly #rules: QueueRules;
  readonly #clock: ShareClock;
  readonly #curve: Pick<CostCurve, "line">;
  readonly #turns: Turns;
  /** Some level of the model has a time-out. */
  readonly #timeouts: boolean;
  #size = 0;
  #rows = 0;
  #agedAt = Number.NEGATIVE_INFINITY;

  constructor(rules: QueueRules, clock: ShareClock, curve: Pick<CostCurve, "line">) {
    this.#rules = rules;
    this.#clock = clock;
    this.#curve = curve;
    this.#turns = new Turns(rules, clock);
    const policies = [rules.defaultPolicy, ...rules.policies.values()];
    this.#timeouts = policies.some(({ defaultTimeoutUs }) => defaultTimeoutUs > 0);
  }

  get size(): number {
    return this.#size;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether several tenants want these devices. */
  get contended(): boolean {
    return this.#clock.busy > 1;
  }

  /** Rows that wait, by tenant. */
  *rowsByTenant(): Generator<readonly [tenant: string, rows: number], void> {
    for (const { sharer, rows } of this.#turns.all()) yield [sharer.tenant.name, rows];
  }

  /** Whose requests wait, and with none, who came since this was last asked. A tenant may be in it twice. */
  *takeTenants(): Generator<TenantShare, void> {
    for (const tenant of this.#turns.takeCome()) yield { tenant, rows: 0, requests: 0 };
    for (const { sharer, rows, size } of this.#turns.all()) {
      yield { tenant: sharer.tenant, rows, requests: size };
    }
  }

  /** Of a tenant's rows, those that go before a request that comes now, see `RequestQueue.rowsBefore`. */
  rowsBefore(tenant: Tenant, priority: number, due: number): number {
    return this.#turns.of(tenant)?.rowsBefore(priority, due) ?? 0;
  }

  /** The part of the devices that a tenant has among those who are busy. */
  partOf(tenant: Tenant): number {
    return this.#clock.partIf(tenant);
  }

  /** @throws StatusError UNAVAILABLE when the tenant's level holds as many as the model's policy allows. */
  add(request: InferRequest, call: InferCall, now: number): Entry {
    const tenant = call.caller?.tenant ?? DEFAULT_TENANT;
    const line = this.#turns.of(tenant) ?? this.#turns.begin(tenant, now);
    const entry = line.add(request, call, now);
    this.#size += 1;
    this.#rows += request.rows;
    entry.payer = line.sharer;
    return entry;
  }

  remove(entry: Entry): void {
    const line = this.#lineOf(entry);
    if (entry.places === undefined || line === undefined) return;
    this.#size -= 1;
    this.#rows -= entry.request.rows;
    line.remove(entry);
    if (line.size === 0) this.#turns.end(line);
  }

  /** For a batch: their tenants were served. */
  take(batch: readonly Entry[], now: number): void {
    const [head] = batch;
    const first = head && this.#lineOf(head);
    if (first !== undefined && now - this.#turns.sinceOf(first) >= AGED_MS) this.#agedAt = now;
    for (const entry of batch) {
      this.remove(entry);
      const line = this.#lineOf(entry);
      if (line !== undefined) this.#turns.served(line, now);
    }
  }

  /** Who is served next. */
  head(now: number): Entry | undefined {
    if (this.#size === 0) return undefined;
    const aged = now - this.#agedAt >= AGED_MS && this.#turns.count > 1;
    const line = (aged && this.#turns.notServedSince(now - AGED_MS)) || this.#turns.first();
    return line?.head();
  }

  /** The head and those that may share a batch with it, in serving order. Nothing is taken out. */
  mates(head: Entry): Mates {
    const line = this.#lineOf(head);
    if (line === undefined) return { next: () => undefined };
    const alone = head.request.alone || !this.#rules.dynamic;
    if (alone || this.#turns.count === 1) return line.mates(head);
    const { fixedUs, usPerRow } = this.#curve.line();
    const perRow = Math.max(1, fixedUs + usPerRow);
    return new TenantRound(this.#turns, this.#clock, perRow, line, head);
  }

  /** See `RequestQueue.expire`. */
  expire(now: number): Entry[] {
    const rejected: Entry[] = [];
    if (!this.#timeouts) return rejected;
    for (const line of this.#turns.all()) {
      for (const entry of line.expire(now)) {
        this.#size -= 1;
        this.#rows -= entry.request.rows;
        rejected.push(entry);
      }
      if (line.size === 0) this.#turns.end(line);
    }
    return rejected;
  }

  /** When the next time-out passes; Infinity for never. */
  nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    if (!this.#timeouts) return next;
    for (const line of this.#turns.all()) next = Math.min(next, line.nextExpiry());
    return next;
  }

  /** Tenant by tenant, each in serving order. */
  all(): Entry[] {
    return this.#turns.all().flatMap((line) => line.all());
  }

  /** Takes everything out, for a queue that is given up. */
  clear(): Entry[] {
    const entries = this.all();
    for (const entry of entries) this.remove(entry);
    return entries;
  }

  #lineOf({ payer }: Entry): TenantLine | undefined {
    return payer && this.#turns.of(payer.tenant);
  }
}

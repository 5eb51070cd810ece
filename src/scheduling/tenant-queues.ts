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
import { Levels } from "./levels.ts";
import { NoMates, rowsBefore } from "./lone.ts";
import type { Mates } from "./queue.ts";
import { TenantRound } from "./tenant-round.ts";
import { TenantLine, Turns, type Waits } from "./turns.ts";

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
  readonly #levels: Levels;
  readonly #clock: ShareClock;
  readonly #curve: Pick<CostCurve, "line">;
  readonly #turns: Turns;
  #size = 0;
  #rows = 0;
  #agedAt = Number.NEGATIVE_INFINITY;

  constructor(rules: QueueRules, clock: ShareClock, curve: Pick<CostCurve, "line">) {
    this.#levels = new Levels(rules);
    this.#clock = clock;
    this.#curve = curve;
    this.#turns = new Turns(this.#levels, clock);
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
    for (const waits of this.#turns.all()) {
      if (waits instanceof TenantLine) yield [waits.sharer.tenant.name, waits.rows];
      else if (waits.payer !== undefined) yield [waits.payer.tenant.name, waits.request.rows];
    }
  }

  /** Whose requests wait, and with none, who came since this was last asked. A tenant may be in it twice. */
  *takeTenants(): Generator<TenantShare, void> {
    for (const tenant of this.#turns.takeCome()) yield { tenant, rows: 0, requests: 0 };
    for (const waits of this.#turns.all()) {
      if (waits instanceof TenantLine) {
        yield { tenant: waits.sharer.tenant, rows: waits.rows, requests: waits.size };
      } else if (waits.payer !== undefined) {
        yield { tenant: waits.payer.tenant, rows: waits.request.rows, requests: 1 };
      }
    }
  }

  /** Of a tenant's rows, those that go before a request that comes now, see `RequestQueue.rowsBefore`. */
  rowsBefore(tenant: Tenant, priority: number, due: number): number {
    const waits = this.#turns.of(tenant);
    if (waits === undefined) return 0;
    if (waits instanceof TenantLine) return waits.rowsBefore(priority, due);
    return rowsBefore(waits, this.#levels, priority, due);
  }

  /** The part of the devices that a tenant has among those who are busy. */
  partOf(tenant: Tenant): number {
    return this.#clock.partIf(tenant);
  }

  /** @throws StatusError UNAVAILABLE when the tenant's level holds as many as the model's policy allows. */
  add(request: InferRequest, call: InferCall, now: number): Entry {
    const tenant = call.caller?.tenant ?? DEFAULT_TENANT;
    const entry = this.#levels.entry(request, call, now);
    this.#turns.add(tenant, entry, now);
    this.#size += 1;
    this.#rows += request.rows;
    return entry;
  }

  remove(entry: Entry): void {
    if (entry.places === undefined) return;
    this.#size -= 1;
    this.#rows -= entry.request.rows;
    this.#turns.remove(entry);
  }

  /** For a batch: their tenants were served. */
  take(batch: readonly Entry[], now: number): void {
    const first = batch[0]?.payer;
    if (first !== undefined && now - this.#turns.sinceOf(first) >= AGED_MS) this.#agedAt = now;
    for (const entry of batch) {
      this.remove(entry);
      if (entry.payer !== undefined) this.#turns.served(entry.payer, now);
    }
  }

  /** Who is served next. */
  head(now: number): Entry | undefined {
    if (this.#size === 0) return undefined;
    const aged = now - this.#agedAt >= AGED_MS && this.#turns.count > 1;
    const waits = (aged && this.#turns.notServedSince(now - AGED_MS)) || this.#turns.first();
    return waits instanceof TenantLine ? waits.head() : waits;
  }

  /** The head and those that may share a batch with it, in serving order. Nothing is taken out. */
  mates(head: Entry): Mates {
    const waits = this.#waitsWith(head);
    if (waits === undefined) return { next: () => undefined };
    const alone = head.request.alone || !this.#levels.dynamic;
    if (alone || this.#turns.count === 1) {
      return waits instanceof TenantLine ? waits.mates(head) : new NoMates(head);
    }
    const { fixedUs, usPerRow } = this.#curve.line();
    const perRow = Math.max(1, fixedUs + usPerRow);
    return new TenantRound(this.#turns, this.#clock, perRow, waits, head);
  }

  /** See `RequestQueue.expire`. */
  expire(now: number): Entry[] {
    const rejected: Entry[] = [];
    if (!this.#levels.timeouts) return rejected;
    for (const waits of this.#turns.all()) {
      if (waits instanceof TenantLine) {
        for (const entry of waits.expire(now)) {
          this.#size -= 1;
          this.#rows -= entry.request.rows;
          rejected.push(entry);
        }
        this.#turns.dropEmpty(waits);
      } else if (waits.expiresAt <= now && !this.#levels.delays(waits)) {
        this.remove(waits);
        rejected.push(waits);
      }
    }
    return rejected;
  }

  /** When the next time-out passes; Infinity for never. */
  nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    if (!this.#levels.timeouts) return next;
    for (const waits of this.#turns.all()) {
      next = Math.min(next, waits instanceof TenantLine ? waits.nextExpiry() : waits.expiresAt);
    }
    return next;
  }

  /** Tenant by tenant, each in serving order. */
  all(): Entry[] {
    return this.#turns
      .all()
      .flatMap((waits) => (waits instanceof TenantLine ? waits.all() : waits));
  }

  /** Takes everything out, for a queue that is given up. */
  clear(): Entry[] {
    const entries = this.all();
    for (const entry of entries) this.remove(entry);
    return entries;
  }

  #waitsWith({ payer }: Entry): Waits | undefined {
    return payer && this.#turns.of(payer.tenant);
  }
}

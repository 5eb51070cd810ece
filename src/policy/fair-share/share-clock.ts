/**
 * Divides the time of one set of devices between tenants: weighted fair queueing in device µs.
 *
 * Each tenant has a tag: device time it was given, divided by its part. Whoever waits with the smallest
 * tag is served next, so tags of those who wait rise together and each gets its part, over all models on
 * these devices. Virtual time is the smallest tag among those who wait.
 *
 *   tag       ─────┬──────────┬────────────┬───────────────┬──────▶
 *            time − credit   time         served       time + lead
 *            a returning     the next     tenants that got
 *            tenant's least  one served   more than others
 *
 * - A part is the guarantee, and of what the busy tenants' guarantees leave, by weight: parts of the busy
 *   ones are 1 together, so idle share is lent as it falls free and returned at the next decision.
 * - Busy is who waits, and who was given something within the last `BUSY_US` of virtual time: a tenant that
 *   asks a little at a time keeps its part between its requests, and may use in a burst what it left of it.
 * - Who was away comes back with `CREDIT_US` at most: no larger burst for having slept.
 * - Time on devices that nobody else could use is held against nobody beyond `LEAD_US`.
 * - Time is charged as predicted when it is given, and corrected by what was measured. A correction in the
 *   tenant's favour is kept for its next charge, so tags never fall.
 *
 * Everything is O(log n) in the busy tenants. Of a tenant that is not busy only its tag is kept.
 */
import type { Tenant } from "../../inference/caller.ts";
import { LeastFirst } from "./least-first.ts";
import { NOBODY, TagHeap } from "./tag-heap.ts";

/** What a tenant that was away may catch up, µs of the devices. */
export const CREDIT_US = 100_000;
/** Who got nothing for so long is not busy any more, µs of the devices. Longer than the credit, which a tenant that asks less than its part keeps in full. */
const BUSY_US = 2 * CREDIT_US;
/** How far ahead of the others a tenant is held to be at most, µs of the devices. */
export const LEAD_US = 100_000;

/** Least part of a tenant without a guarantee while others' guarantees take everything: it is promised nothing, and not forgotten. */
const LEAST_PART = 0.005;

/** One tenant on one set of devices. */
export class Sharer {
  tenant: Tenant;
  /** Of the tenant, as the sums have them: its terms may be changed at any time. */
  weight: number;
  guarantee: number;
  /** Queues in which it waits. */
  waiting = 0;
  /** Counted among the busy. */
  busy = false;
  /** What the next charge is changed by; below 0: it was charged too much, µs. */
  owedUs = 0;
  /** Among those who wait, or did a moment ago. */
  lined = false;
  readonly #tags: readonly number[];

  constructor(tenant: Tenant, tags: readonly number[]) {
    this.tenant = tenant;
    this.weight = tenant.weight;
    this.guarantee = tenant.guarantee;
    this.#tags = tags;
  }

  /** See `ShareClock`; µs. */
  get tag(): number {
    return this.#tags[this.tenant.index] ?? 0;
  }
}

export class ShareClock {
  /** Of every tenant that ever came, by its index; none ever falls. */
  readonly #tags: number[] = [];
  /** Of those who are busy or wait, by index of the tenant. */
  readonly #sharers: (Sharer | undefined)[] = [];
  readonly #busy = new TagHeap(this.#tags);
  /** Who waits; who left stays until it comes to the top. */
  readonly #line = new TagHeap(this.#tags);
  #known = 0;
  /** For who fills a batch, one after the other: tenants that were not looked at yet. */
  readonly unseen = new LeastFirst();
  /** Sums over the busy. */
  #weights = 0;
  #guarantees = 0;
  #time = 0;

  /** Virtual time, µs. */
  get time(): number {
    return this.#time;
  }

  /** Tenants that are busy; the others are forgotten. */
  get busy(): number {
    return this.#known;
  }

  /** By index of the tenant, for `TagHeap`; µs. */
  get tags(): readonly number[] {
    return this.#tags;
  }

  /** The tenant begins to wait in one more queue. */
  enter(tenant: Tenant): Sharer {
    const { index } = tenant;
    while (this.#tags.length <= index) this.#tags.push(0);
    const sharer = this.#sharers[index] ?? new Sharer(tenant, this.#tags);
    sharer.tenant = tenant;
    this.#followTerms(sharer);
    this.#tags[index] = Math.max(sharer.tag, this.#time - CREDIT_US);
    sharer.waiting += 1;
    if (!sharer.busy) this.#makeBusy(sharer);
    if (!sharer.lined) {
      sharer.lined = true;
      this.#line.add(index);
    }
    return sharer;
  }

  /** It waits in one queue less. */
  leave(sharer: Sharer): void {
    sharer.waiting -= 1;
  }

  /** Its part of the devices now, 0 to 1, the parts of all busy ones being 1. */
  partOf({ weight, guarantee, busy }: Pick<Sharer, "weight" | "guarantee" | "busy">): number {
    const weights = this.#weights + (busy ? 0 : weight);
    const guarantees = this.#guarantees + (busy ? 0 : guarantee);
    const lent = (Math.max(0, 1 - guarantees) * weight) / weights;
    return Math.max(LEAST_PART, guarantee + lent);
  }

  /** The part that a tenant has, or would have if it came now. */
  partIf(tenant: Tenant): number {
    const { weight, guarantee } = tenant;
    return this.partOf(this.#sharers[tenant.index] ?? { weight, guarantee, busy: false });
  }

  /**
   * It is given device time.
   * @param us as predicted
   * @returns its part, see `partOf`
   */
  charge(payer: Sharer, us: number): number {
    const part = this.give(payer, us);
    this.advance(payer);
    return part;
  }

  /** `charge` for one of several who are given time at once: `advance` follows when each was told. */
  give(payer: Sharer, us: number): number {
    // It may have been forgotten while its batch ran, and have come back since.
    const sharer = this.#sharers[payer.tenant.index] ?? payer;
    this.#followTerms(sharer);
    const part = this.partOf(sharer);
    const wholeUs = us + sharer.owedUs;
    sharer.owedUs = Math.min(0, wholeUs);
    const from = Math.min(sharer.tag, this.#time + LEAD_US);
    const tag = from + Math.max(0, wholeUs) / part;
    this.#tags[sharer.tenant.index] = Math.max(sharer.tag, tag);
    if (!sharer.busy) this.#makeBusy(sharer);
    return part;
  }

  /** Virtual time goes to the smallest tag among those who wait; where nobody does, to that of who was served. */
  advance(served: Sharer): void {
    let first = this.#firstOf(this.#line);
    while (first !== undefined && first.waiting === 0) {
      this.#line.takeFirst();
      first.lined = false;
      first = this.#firstOf(this.#line);
    }
    this.#time = Math.max(this.#time, (first ?? served).tag);
    this.#forgetIdle();
  }

  /** What it was charged was wrong by so much. @param us measured less predicted */
  correct(payer: Sharer, us: number): void {
    const sharer = this.#sharers[payer.tenant.index] ?? payer;
    sharer.owedUs += us;
    if (sharer.owedUs > 0) this.charge(sharer, 0);
  }

  /** Somebody may have changed its weight or guarantee. */
  #followTerms(sharer: Sharer): void {
    const { weight, guarantee } = sharer.tenant;
    if (weight === sharer.weight && guarantee === sharer.guarantee) return;
    if (sharer.busy) {
      this.#weights += weight - sharer.weight;
      this.#guarantees += guarantee - sharer.guarantee;
    }
    sharer.weight = weight;
    sharer.guarantee = guarantee;
  }

  #makeBusy(sharer: Sharer): void {
    const { index } = sharer.tenant;
    sharer.busy = true;
    this.#sharers[index] = sharer;
    this.#known += 1;
    this.#weights += sharer.weight;
    this.#guarantees += sharer.guarantee;
    this.#busy.add(index);
  }

  #firstOf(heap: TagHeap): Sharer | undefined {
    const index = heap.first;
    return index === NOBODY ? undefined : this.#sharers[index];
  }

  #forgetIdle(): void {
    let first = this.#firstOf(this.#busy);
    while (first !== undefined && !first.lined && first.tag <= this.#time - BUSY_US) {
      this.#busy.takeFirst();
      this.#weights -= first.weight;
      this.#guarantees -= first.guarantee;
      first.busy = false;
      this.#sharers[first.tenant.index] = undefined;
      this.#known -= 1;
      first = this.#firstOf(this.#busy);
    }
    if (first !== undefined) return;
    // Nobody is busy: sums of fractions start from nothing again.
    this.#weights = 0;
    this.#guarantees = 0;
  }
}

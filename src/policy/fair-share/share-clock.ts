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
 * Everything is O(log n) in the busy tenants. A tenant that is not busy is forgotten.
 */
import type { Tenant } from "../../inference/caller.ts";
import { TagHeap } from "./tag-heap.ts";

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
  /** See `ShareClock`; µs. */
  tag: number;
  /** Queues in which it waits. */
  waiting = 0;
  /** Counted among the busy. */
  busy = false;
  /** What the next charge is changed by; below 0: it was charged too much, µs. */
  owedUs = 0;
  /** Among those who wait, or did a moment ago. */
  lined = false;

  constructor(tenant: Tenant, tag: number) {
    this.tenant = tenant;
    this.tag = tag;
  }
}

export class ShareClock {
  readonly #sharers = new Map<number, Sharer>();
  readonly #busy = new TagHeap<Sharer>();
  /** Who waits; who left stays until it comes to the top. */
  readonly #line = new TagHeap<Sharer>();
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
    return this.#sharers.size;
  }

  /** The tenant begins to wait in one more queue. */
  enter(tenant: Tenant): Sharer {
    let sharer = this.#sharers.get(tenant.index);
    if (sharer === undefined) {
      sharer = new Sharer(tenant, 0);
      this.#sharers.set(tenant.index, sharer);
    } else if (sharer.tenant !== tenant) {
      this.#edited(sharer, tenant);
    }
    sharer.tag = Math.max(sharer.tag, this.#time - CREDIT_US);
    sharer.waiting += 1;
    if (!sharer.busy) this.#makeBusy(sharer);
    if (!sharer.lined) {
      sharer.lined = true;
      this.#line.add(sharer);
    }
    return sharer;
  }

  /** It waits in one queue less. */
  leave(sharer: Sharer): void {
    sharer.waiting -= 1;
  }

  /** Its part of the devices now, 0 to 1, the parts of all busy ones being 1. */
  partOf({ tenant, busy }: Sharer): number {
    const weights = this.#weights + (busy ? 0 : tenant.weight);
    const guarantees = this.#guarantees + (busy ? 0 : tenant.guarantee);
    const lent = (Math.max(0, 1 - guarantees) * tenant.weight) / weights;
    return Math.max(LEAST_PART, tenant.guarantee + lent);
  }

  /** The part that a tenant has, or would have if it came now. */
  partIf(tenant: Tenant): number {
    const sharer = this.#sharers.get(tenant.index);
    return this.partOf(sharer ?? new Sharer(tenant, 0));
  }

  /**
   * It is given device time.
   * @param us as predicted
   * @returns its part, see `partOf`
   */
  charge(sharer: Sharer, us: number): number {
    const part = this.partOf(sharer);
    const wholeUs = us + sharer.owedUs;
    sharer.owedUs = Math.min(0, wholeUs);
    const from = Math.min(sharer.tag, this.#time + LEAD_US);
    sharer.tag = Math.max(sharer.tag, from + Math.max(0, wholeUs) / part);
    if (!sharer.busy) this.#makeBusy(sharer);
    this.#advance(sharer);
    return part;
  }

  /** What it was charged was wrong by so much. @param us measured less predicted */
  correct(sharer: Sharer, us: number): void {
    sharer.owedUs += us;
    if (sharer.owedUs > 0) this.charge(sharer, 0);
  }

  /** Another object of the same index: somebody changed its weight or guarantee. */
  #edited(sharer: Sharer, tenant: Tenant): void {
    if (sharer.busy) {
      this.#weights += tenant.weight - sharer.tenant.weight;
      this.#guarantees += tenant.guarantee - sharer.tenant.guarantee;
    }
    sharer.tenant = tenant;
  }

  #makeBusy(sharer: Sharer): void {
    sharer.busy = true;
    this.#weights += sharer.tenant.weight;
    this.#guarantees += sharer.tenant.guarantee;
    this.#busy.add(sharer);
  }

  /** To the smallest tag among those who wait; where nobody does, to that of who was served. */
  #advance(served: Sharer): void {
    let { first } = this.#line;
    while (first !== undefined && first.waiting === 0) {
      this.#line.takeFirst();
      first.lined = false;
      ({ first } = this.#line);
    }
    this.#time = Math.max(this.#time, (first ?? served).tag);
    this.#forgetIdle();
  }

  #forgetIdle(): void {
    let { first } = this.#busy;
    while (first !== undefined && first.waiting === 0 && first.tag <= this.#time - BUSY_US) {
      this.#busy.takeFirst();
      this.#weights -= first.tenant.weight;
      this.#guarantees -= first.tenant.guarantee;
      first.busy = false;
      this.#sharers.delete(first.tenant.index);
      ({ first } = this.#busy);
    }
    if (first !== undefined) return;
    // Nobody is busy: sums of fractions start from nothing again.
    this.#weights = 0;
    this.#guarantees = 0;
  }
}

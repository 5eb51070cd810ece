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
 * - Busy is who waits, and who was given time that virtual time has not reached yet (as in GPS): a tenant
 *   that asks a little at a time keeps its part between its requests.
 * - Who was away comes back with `CREDIT_US` at most: no burst for having slept.
 * - Time on devices that nobody else could use is held against nobody beyond `LEAD_US`.
 * - Time is charged as predicted when it is given, and corrected by what was measured. A correction in the
 *   tenant's favour is kept for its next charge, so tags never fall.
 *
 * Everything is O(log n) in the busy tenants. A tenant that is idle for `CREDIT_US` is forgotten.
 */
import type { Tenant } from "../../inference/caller.ts";
import { TagHeap } from "./tag-heap.ts";

/** What a tenant that was away may catch up, µs of the devices. */
export const CREDIT_US = 100_000;
/** How far ahead of the others a tenant is held to be at most, µs of the devices. */
export const LEAD_US = 100_000;

/** Least part of a tenant without a guarantee while others' guarantees take everything: it is promised nothing, and not forgotten. */
const LEAST_PART = 0.005;

/** One tenant on one set of devices. */
export class Sharer {
  readonly tenant: Tenant;
  /** See `ShareClock`; µs. */
  tag: number;
  /** Queues in which it waits. */
  waiting = 0;
  /** Counted among the busy. */
  busy = false;
  /** What the next charge is changed by; below 0: it was charged too much, µs. */
  owedUs = 0;
  /** Among those who may be forgotten. */
  idling = false;

  constructor(tenant: Tenant, tag: number) {
    this.tenant = tenant;
    this.tag = tag;
  }
}

/** Idle tenants that are looked at when one turns busy. More than one: so there are ever fewer. */
const LOOKS = 2;

export class ShareClock {
  readonly #sharers = new Map<number, Sharer>();
  readonly #busy = new TagHeap<Sharer>();
  /** Those that turned idle; some of them are busy again. */
  readonly #idle: Sharer[] = [];
  /** Where the next look at the idle begins. */
  #idleAt = 0;
  /** Sums over the busy. */
  #weights = 0;
  #guarantees = 0;
  /** Sharers that wait. */
  #waiters = 0;
  #time = 0;

  /** Virtual time, µs. */
  get time(): number {
    return this.#time;
  }

  /** Tenants that are remembered. */
  get size(): number {
    return this.#sharers.size;
  }

  /** The tenant begins to wait in one more queue. */
  enter(tenant: Tenant): Sharer {
    let sharer = this.#sharers.get(tenant.index);
    // Another object of the same index: its weight was edited.
    if (sharer === undefined || sharer.tenant !== tenant) sharer = this.#remember(tenant, sharer);
    if (sharer.waiting === 0) this.#waiters += 1;
    sharer.waiting += 1;
    if (!sharer.busy) {
      sharer.tag = Math.max(sharer.tag, this.#time - CREDIT_US);
      this.#makeBusy(sharer);
      this.#forgetIdle();
    }
    return sharer;
  }

  /** It waits in one queue less. */
  leave(sharer: Sharer): void {
    sharer.waiting -= 1;
    if (sharer.waiting === 0) this.#waiters -= 1;
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
    return this.partOf(sharer?.tenant === tenant ? sharer : new Sharer(tenant, 0));
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
    this.#advance();
    return part;
  }

  /** What it was charged was wrong by so much. @param us measured less predicted */
  correct(sharer: Sharer, us: number): void {
    sharer.owedUs += us;
    if (sharer.owedUs > 0) this.charge(sharer, 0);
  }

  #remember(tenant: Tenant, before: Sharer | undefined): Sharer {
    const sharer = new Sharer(tenant, before?.tag ?? 0);
    this.#sharers.set(tenant.index, sharer);
    return sharer;
  }

  #makeBusy(sharer: Sharer): void {
    sharer.busy = true;
    this.#weights += sharer.tenant.weight;
    this.#guarantees += sharer.tenant.guarantee;
    this.#busy.add(sharer);
  }

  /** To the smallest tag among those who wait; whoever is passed by it without waiting is idle. */
  #advance(): void {
    const nobodyWaits = this.#waiters === 0;
    if (nobodyWaits) this.#time = Math.max(this.#time, this.#busy.first?.tag ?? 0);
    for (let { first } = this.#busy; first !== undefined; { first } = this.#busy) {
      if (first.waiting > 0) {
        this.#time = Math.max(this.#time, first.tag);
        return;
      }
      if (nobodyWaits && first.tag > this.#time) return;
      this.#busy.takeFirst();
      this.#turnIdle(first);
    }
    // Nobody is busy: sums of fractions start from nothing again.
    this.#weights = 0;
    this.#guarantees = 0;
  }

  #turnIdle(sharer: Sharer): void {
    sharer.busy = false;
    this.#weights -= sharer.tenant.weight;
    this.#guarantees -= sharer.tenant.guarantee;
    if (sharer.idling) return;
    sharer.idling = true;
    this.#idle.push(sharer);
  }

  /** A look at some of the idle: those whose credit is full are as good as new, and forgotten. */
  #forgetIdle(): void {
    for (let looks = 0; looks < LOOKS && this.#idle.length > 0; looks += 1) {
      if (this.#idleAt >= this.#idle.length) this.#idleAt = 0;
      const sharer = this.#idle[this.#idleAt] as Sharer;
      if (!sharer.busy && sharer.tag > this.#time - CREDIT_US) {
        this.#idleAt += 1;
        continue;
      }
      const last = this.#idle.pop() as Sharer;
      if (last !== sharer) this.#idle[this.#idleAt] = last;
      sharer.idling = false;
      const { index } = sharer.tenant;
      if (!sharer.busy && this.#sharers.get(index) === sharer) this.#sharers.delete(index);
    }
  }
}

/**
 * Whose turn it is among the tenants that wait for one model. Who waits is written in rows of numbers that lie side by
 * side, and looked at from end to end for each decision: with a thousand tenants that takes a microsecond or two,
 * while an order that is kept up would have to be mended for every tenant that was served elsewhere meanwhile.
 *
 *   tenants   3    17   4    …     indexes of those that wait, in no order
 *   since     90   12   95   …     when each began to wait to be served here, monotonic ms
 *   waits     ▢    ▤    ▢    …     what of each waits: one request, or a line of several
 */
import type { Tenant } from "../inference/caller.ts";
import type { ShareClock, Sharer } from "../policy/fair-share/share-clock.ts";
import { NOBODY } from "../policy/fair-share/tag-heap.ts";
import type { Entry } from "./entry.ts";
import type { Levels } from "./levels.ts";
import { ALONE } from "./lone.ts";
import { RequestQueue } from "./queue.ts";

/** Lines of tenants that left, kept for those who come. */
const SPARE = 4;
/** Rows that were longer give their memory back when nobody waits any more: an array that was popped keeps it. */
const LONG = 64;

/** What of one tenant waits, where that is or was more than one request. */
export class TenantLine extends RequestQueue {
  sharer: Sharer;

  constructor(levels: Levels, sharer: Sharer) {
    super(levels);
    this.sharer = sharer;
  }
}

/** What of one tenant waits. */
export type Waits = Entry | TenantLine;

export class Turns {
  readonly #levels: Levels;
  readonly #clock: ShareClock;
  readonly #tenants: number[] = [];
  readonly #since: number[] = [];
  readonly #waits: Waits[] = [];
  /** No `since` is earlier, monotonic ms. */
  #earliest = Number.NEGATIVE_INFINITY;
  /** By index of the tenant: where it stands in these rows, or `NOBODY`. */
  readonly #at: number[] = [];
  readonly #spare: TenantLine[] = [];
  /** Since somebody last asked, who has come; nobody ever asked: nothing is kept. */
  #come: Tenant[] | undefined;
  /** By index of the tenant: in which of these lists it was last. */
  readonly #comeIn: number[] = [];
  #asked = 0;
  /** Most that waited since the rows were last cut. */
  #most = 0;

  constructor(levels: Levels, clock: ShareClock) {
    this.#levels = levels;
    this.#clock = clock;
  }

  /** Tenants that wait. */
  get count(): number {
    return this.#tenants.length;
  }

  of({ index }: Tenant): Waits | undefined {
    const at = this.#at[index];
    return at === undefined || at === NOBODY ? undefined : this.#waits[at];
  }

  /** Tenants that began to wait since this was last asked, each once. */
  takeCome(): readonly Tenant[] {
    const come = this.#come ?? [];
    this.#come = [];
    this.#asked += 1;
    return come;
  }

  /** @throws StatusError UNAVAILABLE when the tenant's level holds as many as the model's policy allows. */
  add(tenant: Tenant, entry: Entry, now: number): void {
    const waits = this.of(tenant);
    if (waits === undefined) this.#begin(tenant, entry, now);
    else if (waits instanceof TenantLine) this.#join(waits, entry);
    else this.#joinLone(waits, entry);
  }

  /** One that waits here. */
  remove(entry: Entry): void {
    const { places, payer } = entry;
    if (payer === undefined) return;
    if (places === ALONE) {
      entry.places = undefined;
      this.#end(payer);
      return;
    }
    const line = this.of(payer.tenant);
    if (!(line instanceof TenantLine)) return;
    line.remove(entry);
    this.dropEmpty(line);
  }

  /** To be told of a line from which somebody took requests. */
  dropEmpty(line: TenantLine): void {
    if (line.size > 0) return;
    this.#end(line.sharer);
    if (this.#spare.length < SPARE) this.#spare.push(line);
  }

  /** A tenant was served; it may still wait. */
  served({ tenant }: Sharer, now: number): void {
    const at = this.#at[tenant.index] as number;
    if (at !== NOBODY) this.#since[at] = now;
  }

  /** Since when a tenant that waits was not served here, monotonic ms. */
  sinceOf({ tenant }: Sharer): number {
    return this.#since[this.#at[tenant.index] as number] as number;
  }

  /** Whose tag is the smallest. */
  first(): Waits | undefined {
    const { tags } = this.#clock;
    let least = Number.POSITIVE_INFINITY;
    let first = 0;
    for (let at = 0; at < this.#tenants.length; at += 1) {
      const tag = tags[this.#tenants[at] as number] as number;
      if (tag < least) [least, first] = [tag, at];
    }
    return this.#waits[first];
  }

  /** Who was not served here for the longest time, if that is not since `ms`. */
  notServedSince(ms: number): Waits | undefined {
    if (this.#earliest > ms) return undefined;
    let oldest = 0;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#since.length; at += 1) {
      const since = this.#since[at] as number;
      if (since < this.#earliest) [this.#earliest, oldest] = [since, at];
    }
    return this.#earliest > ms ? undefined : this.#waits[oldest];
  }

  /** Nobody was looked at yet: `next` begins with the smallest tag. */
  lookAtAll(): void {
    this.#clock.unseen.fill(this.#tenants, this.#clock.tags);
  }

  /** The next one in the order of tags, where its tag is `most` or less. Nobody begins or ends between two calls. */
  next(most: number): Waits | undefined {
    const { unseen } = this.#clock;
    if (unseen.size === 0 || unseen.least > most) return undefined;
    return this.#waits[unseen.take()];
  }

  /** In no order. */
  all(): Waits[] {
    return [...this.#waits];
  }

  /** Nothing of the tenant waited. */
  #begin(tenant: Tenant, entry: Entry, now: number): void {
    const { index } = tenant;
    entry.payer = this.#clock.enter(tenant);
    entry.places = ALONE;
    while (this.#at.length <= index) this.#at.push(NOBODY);
    this.#at[index] = this.#tenants.push(index) - 1;
    this.#most = Math.max(this.#most, this.#waits.push(entry));
    this.#since.push(now);
    this.#earliest = Math.min(this.#earliest, now);
    if (this.#come !== undefined && this.#comeIn[index] !== this.#asked) {
      while (this.#comeIn.length < index) this.#comeIn.push(NOBODY);
      this.#comeIn[index] = this.#asked;
      this.#come.push(tenant);
    }
  }

  #join(line: TenantLine, entry: Entry): void {
    line.add(entry);
    entry.payer = line.sharer;
  }

  #joinLone(lone: Entry, entry: Entry): void {
    this.#levels.requireRoom(entry, lone.level === entry.level ? 1 : 0);
    const sharer = lone.payer as Sharer;
    const line = this.#spare.pop() ?? new TenantLine(this.#levels, sharer);
    line.sharer = sharer;
    entry.payer = sharer;
    line.insert(lone);
    line.insert(entry);
    this.#waits[this.#at[sharer.tenant.index] as number] = line;
  }

  /** Nothing of it waits any more. */
  #end(sharer: Sharer): void {
    const { index } = sharer.tenant;
    const at = this.#at[index] as number;
    const lastIndex = this.#tenants.pop() as number;
    const lastSince = this.#since.pop() as number;
    const lastWaits = this.#waits.pop() as Waits;
    if (lastIndex !== index) {
      this.#tenants[at] = lastIndex;
      this.#since[at] = lastSince;
      this.#waits[at] = lastWaits;
      this.#at[lastIndex] = at;
    }
    this.#at[index] = NOBODY;
    this.#clock.leave(sharer);
    if (this.#tenants.length === 0 && this.#most > LONG) {
      for (const row of [this.#tenants, this.#since, this.#waits]) row.length = 0;
      this.#most = 0;
    }
  }
}

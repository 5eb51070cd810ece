/**
 * Whose turn it is among the tenants that wait for one model. Who waits is written in rows of numbers that lie side by
 * side, and looked at from end to end for each decision: with a thousand tenants that takes a microsecond or two,
 * while an order that is kept up would have to be mended for every tenant that was served elsewhere meanwhile.
 *
 *   tenants   3    17   4    …     indexes of those that wait, in no order
 *   since     90   12   95   …     when each began to wait to be served here, monotonic ms
 *   lines     ▢    ▢    ▢    …     what of each waits
 */
import type { Tenant } from "../inference/caller.ts";
import type { QueueRules } from "../inference/queue-rules.ts";
import type { ShareClock, Sharer } from "../policy/fair-share/share-clock.ts";
import { NOBODY } from "../policy/fair-share/tag-heap.ts";
import { RequestQueue } from "./queue.ts";

/** Lines of tenants that left, kept for those who come. */
const SPARE = 4;
/** Rows that were longer give their memory back when nobody waits any more: an array that was popped keeps it. */
const LONG = 64;

/** What of one tenant waits. */
export class TenantLine extends RequestQueue {
  sharer: Sharer;

  constructor(rules: QueueRules, sharer: Sharer) {
    super(rules);
    this.sharer = sharer;
  }
}

export class Turns {
  readonly #rules: QueueRules;
  readonly #clock: ShareClock;
  readonly #tenants: number[] = [];
  readonly #since: number[] = [];
  readonly #lines: TenantLine[] = [];
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

  constructor(rules: QueueRules, clock: ShareClock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Tenants that wait. */
  get count(): number {
    return this.#tenants.length;
  }

  of(tenant: Tenant): TenantLine | undefined {
    return this.#lineOf(tenant.index);
  }

  /** For a tenant of which nothing waits yet; something does from now on. */
  begin(tenant: Tenant, now: number): TenantLine {
    const { index } = tenant;
    const sharer = this.#clock.enter(tenant);
    const line = this.#spare.pop() ?? new TenantLine(this.#rules, sharer);
    line.sharer = sharer;
    while (this.#at.length <= index) this.#at.push(NOBODY);
    this.#at[index] = this.#tenants.push(index) - 1;
    this.#most = Math.max(this.#most, this.#lines.push(line));
    this.#since.push(now);
    this.#earliest = Math.min(this.#earliest, now);
    if (this.#come !== undefined && this.#comeIn[index] !== this.#asked) {
      while (this.#comeIn.length < index) this.#comeIn.push(NOBODY);
      this.#comeIn[index] = this.#asked;
      this.#come.push(tenant);
    }
    return line;
  }

  /** Tenants that began to wait since this was last asked, each once. */
  takeCome(): readonly Tenant[] {
    const come = this.#come ?? [];
    this.#come = [];
    this.#asked += 1;
    return come;
  }

  /** Nothing of it waits any more. */
  end(line: TenantLine): void {
    const { index } = line.sharer.tenant;
    const at = this.#at[index] as number;
    const lastIndex = this.#tenants.pop() as number;
    const lastSince = this.#since.pop() as number;
    const lastLine = this.#lines.pop() as TenantLine;
    if (lastIndex !== index) {
      this.#tenants[at] = lastIndex;
      this.#since[at] = lastSince;
      this.#lines[at] = lastLine;
      this.#at[lastIndex] = at;
    }
    this.#at[index] = NOBODY;
    this.#clock.leave(line.sharer);
    if (this.#spare.length < SPARE) this.#spare.push(line);
    if (this.#tenants.length === 0 && this.#most > LONG) {
      for (const row of [this.#tenants, this.#since, this.#lines]) row.length = 0;
      this.#most = 0;
    }
  }

  /** A tenant that still waits was served. */
  served(line: TenantLine, now: number): void {
    this.#since[this.#at[line.sharer.tenant.index] as number] = now;
  }

  /** Since when a tenant that waits was not served here, monotonic ms. */
  sinceOf(line: TenantLine): number {
    return this.#since[this.#at[line.sharer.tenant.index] as number] as number;
  }

  /** Whose tag is the smallest. */
  first(): TenantLine | undefined {
    const { tags } = this.#clock;
    let least = Number.POSITIVE_INFINITY;
    let first = 0;
    for (let at = 0; at < this.#tenants.length; at += 1) {
      const tag = tags[this.#tenants[at] as number] as number;
      if (tag < least) [least, first] = [tag, at];
    }
    return this.#lines[first];
  }

  /** Who was not served here for the longest time, if that is not since `ms`. */
  notServedSince(ms: number): TenantLine | undefined {
    if (this.#earliest > ms) return undefined;
    let oldest = 0;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#since.length; at += 1) {
      const since = this.#since[at] as number;
      if (since < this.#earliest) [this.#earliest, oldest] = [since, at];
    }
    return this.#earliest > ms ? undefined : this.#lines[oldest];
  }

  /** Nobody was looked at yet: `next` begins with the smallest tag. */
  lookAtAll(): void {
    this.#clock.unseen.reset(this.#tenants);
  }

  /** The next one in the order of tags, where its tag is `most` or less. Nobody begins or ends between two calls. */
  next(most: number): TenantLine | undefined {
    const { unseen } = this.#clock;
    const index = unseen.first;
    if (index === NOBODY || (this.#clock.tags[index] as number) > most) return undefined;
    unseen.takeFirst();
    return this.#lineOf(index);
  }

  /** In no order. */
  all(): TenantLine[] {
    return [...this.#lines];
  }

  #lineOf(index: number): TenantLine | undefined {
    const at = this.#at[index];
    return at === undefined || at === NOBODY ? undefined : this.#lines[at];
  }
}

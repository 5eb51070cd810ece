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
import type { ShareClock, Sharer } from "../policy/fair-share/share-clock.ts";
import { TagHeap } from "../policy/fair-share/tag-heap.ts";
import { Chain, type Link } from "./chain.ts";
import type { CostCurve } from "./cost-curve.ts";
import { type Entry, RequestQueue } from "./queue.ts";

/**
 * A tenant that got nothing here for so long is served next, whatever its share was spent on elsewhere; once
 * in so long, so that shares hold, ms.
 */
const AGED_MS = 1_000;
/** Tenants that one batch is filled from at most: a decision stays short. */
const TENANTS_PER_BATCH = 64;
/** Queues of tenants that left, kept for those who come. */
const SPARE = 4;
/** Lines of tenants that left, kept for when they come back. */
const EMPTY_LINES = 4;

class TenantLine {
  sharer: Sharer;
  readonly queue: RequestQueue;
  /** Since when it waits to be served here, monotonic ms. */
  since = 0;
  /** Its place among those that wait; undefined: it does not. */
  turn: Link<TenantLine> | undefined;

  constructor(sharer: Sharer, queue: RequestQueue) {
    this.sharer = sharer;
    this.queue = queue;
  }

  get tag(): number {
    return this.sharer.tag;
  }
}

/** A tenant while a batch is being filled: what it would be charged for what was looked at. */
interface Turn {
  tag: number;
  readonly usPerRow: number;
  readonly queue: RequestQueue;
  /** Behind `next`; made when somebody wants more than one of the tenant. */
  entries: Iterator<Entry, void> | undefined;
  next: Entry;
}

export class TenantQueues {
  readonly #rules: QueueRules;
  readonly #clock: ShareClock;
  readonly #curve: Pick<CostCurve, "line">;
  /** By index of the tenant: an array, since who waits changes with every request. */
  readonly #lines: (TenantLine | undefined)[] = [];
  /** Every line, also some that became empty. */
  readonly #turns = new TagHeap<TenantLine>();
  /** Lines that wait, by `since`. */
  readonly #waiting = new Chain<TenantLine>();
  readonly #spare: RequestQueue[] = [];
  /** Some level of the model has a time-out. */
  readonly #timeouts: boolean;
  /** Lines in which nothing waits. */
  #empty = 0;
  #size = 0;
  #rows = 0;
  #agedAt = Number.NEGATIVE_INFINITY;

  constructor(rules: QueueRules, clock: ShareClock, curve: Pick<CostCurve, "line">) {
    this.#rules = rules;
    this.#clock = clock;
    this.#curve = curve;
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
    for (const { sharer, queue } of this.#waiting) yield [sharer.tenant.name, queue.rows];
  }

  /** Of a tenant's rows, those that go before a request that comes now, see `RequestQueue.rowsBefore`. */
  rowsBefore(tenant: Tenant, priority: number, due: number): number {
    return this.#lines[tenant.index]?.queue.rowsBefore(priority, due) ?? 0;
  }

  /** The part of the devices that a tenant has among those who are busy. */
  partOf(tenant: Tenant): number {
    return this.#clock.partIf(tenant);
  }

  /** @throws StatusError UNAVAILABLE when the tenant's level holds as many as the model's policy allows. */
  add(request: InferRequest, call: InferCall, now: number): Entry {
    const tenant = call.caller?.tenant ?? DEFAULT_TENANT;
    const line = this.#lines[tenant.index] ?? this.#newLine(tenant);
    const entry = line.queue.add(request, call, now);
    this.#size += 1;
    this.#rows += request.rows;
    if (line.turn === undefined) {
      line.sharer = this.#clock.enter(tenant);
      line.since = now;
      line.turn = this.#waiting.append(line);
      this.#empty -= 1;
    }
    entry.payer = line.sharer;
    return entry;
  }

  remove(entry: Entry): void {
    const line = this.#lineOf(entry);
    if (entry.places === undefined || line === undefined) return;
    this.#size -= 1;
    this.#rows -= entry.request.rows;
    line.queue.remove(entry);
    this.#noticeEmpty(line);
  }

  /** For a batch: their tenants were served. */
  take(batch: readonly Entry[], now: number): void {
    const [head] = batch;
    const first = head && this.#lineOf(head);
    if (first !== undefined && now - first.since >= AGED_MS) this.#agedAt = now;
    for (const entry of batch) {
      const line = this.#lineOf(entry);
      this.remove(entry);
      if (line?.turn === undefined || line.since === now) continue;
      line.since = now;
      if (this.#waiting.size === 1) continue;
      this.#waiting.remove(line.turn);
      line.turn = this.#waiting.append(line);
    }
  }

  /** Who is served next. */
  head(now: number): Entry | undefined {
    if (this.#size === 0) return undefined;
    if (this.#waiting.size > 1) {
      const oldest = this.#waiting.first;
      if (oldest && now - Math.max(oldest.since, this.#agedAt) >= AGED_MS) {
        return oldest.queue.head();
      }
    }
    for (let line = this.#turns.first; line !== undefined; line = this.#turns.first) {
      if (line.turn !== undefined) return line.queue.head();
      this.#turns.takeFirst();
      this.#forget(line);
    }
    return undefined;
  }

  /** The head and those that may share a batch with it, in serving order. Nothing is taken out. */
  mates(head: Entry): Iterable<Entry> {
    const line = this.#lineOf(head);
    if (line === undefined) return [];
    const alone = head.request.alone || !this.#rules.dynamic;
    if (alone || this.#waiting.size === 1) return line.queue.mates(head);
    return this.#matesOfAll(head, line);
  }

  *#matesOfAll(head: Entry, first: TenantLine): Generator<Entry, void> {
    const { fixedUs, usPerRow } = this.#curve.line();
    const perRow = Math.max(1, fixedUs + usPerRow);
    const taken: TenantLine[] = [];
    const turns = new TagHeap<Turn>();
    const join = (line: TenantLine) => {
      const { sharer, tag, queue } = line;
      const next = queue.firstPeer(head.request.batchKey);
      if (next === undefined) return;
      const usPerRow = perRow / this.#clock.partOf(sharer);
      turns.add({ tag, usPerRow, queue, entries: undefined, next });
    };
    try {
      // The head goes first, also where its tenant has waited too long and its share is spent.
      const own = first.queue.peers(head.request.batchKey);
      own.next();
      const second = own.next().value;
      const each = perRow / this.#clock.partOf(first.sharer);
      yield head;
      const tag = first.tag + head.request.rows * each;
      const { queue } = first;
      if (second) turns.add({ tag, usPerRow: each, queue, entries: own, next: second });
      for (;;) {
        for (let next = this.#turns.first; next !== undefined; next = this.#turns.first) {
          const least = turns.first?.tag ?? Number.POSITIVE_INFINITY;
          if (next.tag > least || taken.length >= TENANTS_PER_BATCH) break;
          this.#turns.takeFirst();
          if (next.turn === undefined) {
            this.#forget(next);
            continue;
          }
          taken.push(next);
          if (next !== first) join(next);
        }
        const turn = turns.first;
        if (turn === undefined) return;
        const entry = turn.next;
        const value = following(turn, head.request.batchKey);
        if (value) {
          turn.next = value;
          turn.tag += entry.request.rows * turn.usPerRow;
        } else {
          turns.takeFirst();
        }
        yield entry;
      }
    } finally {
      for (const line of taken) this.#turns.add(line);
    }
  }

  /** See `RequestQueue.expire`. */
  expire(now: number): Entry[] {
    const rejected: Entry[] = [];
    if (!this.#timeouts) return rejected;
    for (const line of this.#waiting) {
      for (const entry of line.queue.expire(now)) {
        this.#size -= 1;
        this.#rows -= entry.request.rows;
        rejected.push(entry);
      }
      this.#noticeEmpty(line);
    }
    return rejected;
  }

  /** When the next time-out passes; Infinity for never. */
  nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    if (!this.#timeouts) return next;
    for (const { queue } of this.#waiting) next = Math.min(next, queue.nextExpiry());
    return next;
  }

  /** Tenant by tenant, each in serving order. */
  all(): Entry[] {
    return [...this.#waiting].flatMap(({ queue }) => queue.all());
  }

  /** Takes everything out, for a queue that is given up. */
  clear(): Entry[] {
    const entries = this.all();
    for (const entry of entries) this.remove(entry);
    return entries;
  }

  #lineOf({ payer }: Entry): TenantLine | undefined {
    return payer && this.#lines[payer.tenant.index];
  }

  #newLine(tenant: Tenant): TenantLine {
    const sharer = this.#clock.enter(tenant);
    const line = new TenantLine(sharer, this.#spare.pop() ?? new RequestQueue(this.#rules));
    this.#clock.leave(sharer);
    this.#lines[tenant.index] = line;
    this.#turns.add(line);
    this.#empty += 1;
    return line;
  }

  #noticeEmpty(line: TenantLine): void {
    if (line.queue.size > 0 || line.turn === undefined) return;
    this.#waiting.remove(line.turn);
    line.turn = undefined;
    this.#clock.leave(line.sharer);
    this.#empty += 1;
    // As many lines as are looked at became empty since the last time.
    if (this.#empty > EMPTY_LINES && this.#empty * 2 > this.#turns.size) this.#forgetEmpty();
  }

  /** Not while a batch is being looked for: then some lines are out of `#turns`. */
  #forgetEmpty(): void {
    this.#turns.sift((line) => {
      if (line.turn === undefined) this.#forget(line);
      return line.turn !== undefined;
    });
  }

  #forget(line: TenantLine): void {
    this.#lines[line.sharer.tenant.index] = undefined;
    this.#empty -= 1;
    if (this.#spare.length < SPARE) this.#spare.push(line.queue);
  }
}

/** Of the tenant whose turn it is, who comes behind `next`. */
function following(turn: Turn, batchKey: string): Entry | undefined {
  if (turn.queue.size === 1) return undefined;
  if (turn.entries === undefined) {
    turn.entries = turn.queue.peers(batchKey);
    turn.entries.next();
  }
  return turn.entries.next().value ?? undefined;
}

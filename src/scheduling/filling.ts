/** Fills a batch from the queues for a device that could take one, or says when to look again. */
import type { Clock } from "../clock.ts";
import type { Lane } from "../pool/lane.ts";
import { type BatchingRules, decideBatch, whyClosed } from "./batcher.ts";
import { Company } from "./company.ts";
import type { CostCurve } from "./cost-curve.ts";
import type { Entry } from "./entry.ts";
import { busyUs } from "./forecast.ts";
import type { TenantQueues } from "./tenant-queues.ts";

/** A batch is put behind a running one only if the device will be free this soon, µs. */
const AHEAD_WITHIN_US = 1000;

export interface Filled {
  /** Taken out of the queue; or the ms after which to look again, Infinity: not before something happens. */
  readonly batch: readonly Entry[] | number;
  /** Taken out, too: they cannot be in time any more. */
  readonly late: readonly Entry[];
}

export class Filling {
  readonly #rules: BatchingRules;
  readonly #queues: TenantQueues;
  readonly #curve: CostCurve;
  readonly #clock: Clock;
  readonly #predictUs: (rows: number) => number;

  constructor(rules: BatchingRules, queues: TenantQueues, curve: CostCurve, clock: Clock) {
    this.#rules = rules;
    this.#queues = queues;
    this.#curve = curve;
    this.#clock = clock;
    this.#predictUs = (rows) => curve.predictUs(rows);
  }

  /** @param head of the queue */
  fill(head: Entry, lane: Lane): Filled {
    const now = this.#clock.now();
    const startsAt = now + busyUs(lane, this.#curve, now) / 1000;
    const company = new Company(this.#queues.mates(head), startsAt, this.#predictUs);
    const decision = decideBatch(this.#rules, company, this.#curve.worthRows(), now);
    const { late } = company;
    for (const entry of late) this.#queues.remove(entry);
    if ("waitMs" in decision) return { batch: decision.waitMs, late };
    if (decision.take === 0) return { batch: 0, late };
    const inMs = lane.idle ? 0 : this.#untilTakenAheadMs(lane, decision.rows, now);
    if (inMs > 0) return { batch: inMs, late };
    const batch = company.entries.slice(0, decision.take);
    this.#queues.take(batch, now);
    return { batch, late };
  }

  /** In words: why a batch that was just taken out of the queue is no larger. */
  why(batch: readonly Entry[]): string {
    const [head] = batch;
    if (head === undefined) return "";
    const { alone, batchKey } = head.request;
    if (alone) return "it runs alone";
    const now = this.#clock.now();
    const next = this.#queues.head(now);
    return whyClosed(this.#rules, {
      rows: batch.reduce((sum, { request }) => sum + request.rows, 0),
      worthRows: this.#curve.worthRows(),
      waitedMs: now - head.queuedAt,
      leftBehind: next?.request.batchKey === batchKey && !next.request.alone,
    });
  }

  /**
   * Handing a batch to a busy device keeps it from growing, so only when it is
   * no smaller than the one that runs, and the device will be free in a moment.
   * @returns ms until then; Infinity: not before something happens
   */
  #untilTakenAheadMs(lane: Lane, rows: number, now: number): number {
    const full = rows >= this.#rules.maxRows;
    // Where several tenants come nothing is given away early: whoever comes meanwhile may be owed the device.
    if (full && !this.#queues.contended) return 0;
    if (!full && rows < lane.lastRows) return Number.POSITIVE_INFINITY;
    const expectedUs = this.#curve.expectedUs(lane.lastRows);
    if (expectedUs === undefined) return Number.POSITIVE_INFINITY;
    const aheadUs = expectedUs - (now - lane.busySince) * 1000 - AHEAD_WITHIN_US;
    if (aheadUs <= 0) return 0;
    return full ? aheadUs / 1000 : Number.POSITIVE_INFINITY;
  }
}

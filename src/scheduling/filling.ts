/** Fills a batch from the queue for a device that could take one, or says when to look again. */
import type { Clock } from "../clock.ts";
import type { Lane } from "../pool/lane.ts";
import { type BatchingRules, decideBatch, whyClosed } from "./batcher.ts";
import type { CostCurve } from "./cost-curve.ts";
import type { Entry, RequestQueue } from "./queue.ts";

/** A batch is put behind a running one only if the device will be free this soon, µs. */
const AHEAD_WITHIN_US = 1000;

export class Filling {
  readonly #rules: BatchingRules;
  readonly #queue: RequestQueue;
  readonly #curve: CostCurve;
  readonly #clock: Clock;

  constructor(rules: BatchingRules, queue: RequestQueue, curve: CostCurve, clock: Clock) {
    this.#rules = rules;
    this.#queue = queue;
    this.#curve = curve;
    this.#clock = clock;
  }

  /**
   * Takes a batch out of the queue.
   * @param head of the queue
   * @returns or the ms after which to look again; Infinity: not before something happens
   */
  fill(head: Entry, lane: Lane): readonly Entry[] | number {
    const now = this.#clock.now();
    const waiting = {
      rows: rowsOf(this.#queue.mates(head)),
      oldestQueuedAt: head.call.timeline.queued,
    };
    const decision = decideBatch(this.#rules, waiting, this.#curve.worthRows(), now);
    if ("waitMs" in decision) return decision.waitMs;
    if (!lane.idle && !this.#worthTakingAhead(lane, decision.rows, now)) {
      return Number.POSITIVE_INFINITY;
    }
    const batch: Entry[] = [];
    for (const entry of this.#queue.mates(head)) {
      if (batch.length === decision.take) break;
      batch.push(entry);
    }
    for (const entry of batch) this.#queue.remove(entry);
    return batch;
  }

  /** In words: why a batch that was just taken out of the queue is no larger. */
  why(batch: readonly Entry[]): string {
    const [head] = batch;
    if (head === undefined) return "";
    const { alone, batchKey } = head.request;
    if (alone) return "it runs alone";
    const next = this.#queue.head();
    return whyClosed(this.#rules, {
      rows: batch.reduce((sum, { request }) => sum + request.rows, 0),
      worthRows: this.#curve.worthRows(),
      waitedMs: this.#clock.now() - head.call.timeline.queued,
      leftBehind: next?.request.batchKey === batchKey && !next.request.alone,
    });
  }

  /**
   * Handing a batch to a busy device keeps it from growing, so only when it is
   * no smaller than the one that runs, and the device will be free in a moment.
   */
  #worthTakingAhead(lane: Lane, rows: number, now: number): boolean {
    if (rows >= this.#rules.maxRows) return true;
    if (rows < lane.lastRows) return false;
    const expectedUs = this.#curve.expectedUs(lane.lastRows);
    if (expectedUs === undefined) return false;
    return expectedUs - (now - lane.busySince) * 1000 <= AHEAD_WITHIN_US;
  }
}

function* rowsOf(entries: Iterable<Entry>): Generator<number, void> {
  for (const entry of entries) yield entry.request.rows;
}

/**
 * Who could share a batch with the head, as far as anybody looked: the rule that closes batches looks at
 * rows one request after the other, and here is remembered whose they were.
 */
import { latestStart } from "../policy/deadline/deadline.ts";
import type { Waiting } from "./batcher.ts";
import type { Entry } from "./queue.ts";

export class Company implements Waiting {
  readonly #mates: Iterable<Entry>;
  readonly #startsAt: number;
  readonly #predictUs: (rows: number) => number;
  /** Those looked at that can be in time, in serving order. */
  readonly entries: Entry[] = [];
  /** Those looked at that cannot, even if they start at once and alone. */
  readonly late: Entry[] = [];
  oldestQueuedAt = Number.POSITIVE_INFINITY;
  startBy = Number.POSITIVE_INFINITY;
  #earliest = Number.POSITIVE_INFINITY;

  /**
   * @param mates see `TenantQueues.mates`
   * @param startsAt when the device would begin with the batch, monotonic ms
   * @param predictUs time of an execution
   */
  constructor(mates: Iterable<Entry>, startsAt: number, predictUs: (rows: number) => number) {
    this.#mates = mates;
    this.#startsAt = startsAt;
    this.#predictUs = predictUs;
  }

  /** Ends where one row more would make those before it late. */
  get rows(): Iterable<number> {
    return this.#rows();
  }

  *#rows(): Generator<number, void> {
    let rows = 0;
    for (const entry of this.#mates) {
      const { request, call } = entry;
      const { deadline } = call;
      if (deadline !== Number.POSITIVE_INFINITY && this.#isLate(deadline, request.rows)) {
        this.late.push(entry);
        continue;
      }
      const earliest = Math.min(this.#earliest, deadline);
      if (earliest !== Number.POSITIVE_INFINITY) {
        const startBy = latestStart(earliest, this.#predictUs(rows + request.rows));
        if (rows > 0 && startBy < this.#startsAt) return;
        this.#earliest = earliest;
        this.startBy = startBy;
      }
      rows += request.rows;
      this.entries.push(entry);
      this.oldestQueuedAt = Math.min(this.oldestQueuedAt, call.timeline.queued);
      yield request.rows;
    }
  }

  #isLate(deadline: number, rows: number): boolean {
    return latestStart(deadline, this.#predictUs(rows)) < this.#startsAt;
  }
}

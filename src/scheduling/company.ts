/**
 * Who could share a batch with the head, as far as anybody looked: the rule that closes batches looks at
 * rows one request after the other, and here is remembered whose they were.
 */
import { latestStart } from "../policy/deadline/deadline.ts";
import type { Waiting } from "./batcher.ts";
import type { Entry } from "./entry.ts";
import type { Mates } from "./queue.ts";

export class Company implements Waiting {
  readonly #mates: Mates;
  readonly #startsAt: number;
  readonly #predictUs: (rows: number) => number;
  /** Those looked at that can be in time, in serving order. */
  readonly entries: Entry[] = [];
  /** Those looked at that cannot, even if they start at once and alone. */
  readonly late: Entry[] = [];
  startBy = Number.POSITIVE_INFINITY;
  #rows = 0;
  #earliest = Number.POSITIVE_INFINITY;

  /**
   * @param mates see `TenantQueues.mates`
   * @param startsAt when the device would begin with the batch, monotonic ms
   * @param predictUs time of an execution
   */
  constructor(mates: Mates, startsAt: number, predictUs: (rows: number) => number) {
    this.#mates = mates;
    this.#startsAt = startsAt;
    this.#predictUs = predictUs;
  }

  /** Found when it is asked for: a full batch never waits for company. */
  get oldestQueuedAt(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { queuedAt } of this.entries) oldest = Math.min(oldest, queuedAt);
    return oldest;
  }

  /** 0 also where one row more would make those before it late. */
  nextRows(): number {
    for (let entry = this.#mates.next(); entry !== undefined; entry = this.#mates.next()) {
      const { request, urgent } = entry;
      if (urgent && this.#isLate(entry.deadline, request.rows)) {
        this.late.push(entry);
        continue;
      }
      const earliest = urgent ? Math.min(this.#earliest, entry.deadline) : this.#earliest;
      if (earliest !== Number.POSITIVE_INFINITY) {
        const startBy = latestStart(earliest, this.#predictUs(this.#rows + request.rows));
        if (this.#rows > 0 && startBy < this.#startsAt) return 0;
        this.#earliest = earliest;
        this.startBy = startBy;
      }
      this.#rows += request.rows;
      this.entries.push(entry);
      return request.rows;
    }
    return 0;
  }

  #isLate(deadline: number, rows: number): boolean {
    return latestStart(deadline, this.#predictUs(rows)) < this.#startsAt;
  }
}

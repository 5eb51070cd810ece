/**
 * Who is due when: a binary heap by deadline, with each entry knowing its place
 * so that an answered call leaves in O(log n), and one timer for all of them.
 * A timer per call would cost more than the whole rest of a small call.
 */
import type { Clock } from "../../clock.ts";

export interface Expiring {
  /** `Clock.now` ms. */
  readonly deadline: number;
  /** Place in the heap; -1 while not in it. Only the queue writes it. */
  heapIndex: number;
  expire(): void;
}

export class DeadlineQueue {
  readonly #heap: Expiring[] = [];
  readonly #clock: Clock;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(entry: Expiring): void {
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1, entry);
    if (entry.deadline < this.#armedFor) this.#arm(entry.deadline);
  }

  remove(entry: Expiring): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#up(index, last);
    this.#down(last.heapIndex, last);
    // The timer stays as it is: waking once for nothing is cheaper than re-arming per call.
  }

  /** Forgets everybody. */
  clear(): void {
    for (const entry of this.#heap) entry.heapIndex = -1;
    this.#heap.length = 0;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(deadline: number): void {
    this.#disarm?.();
    this.#armedFor = deadline;
    this.#disarm = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => this.#fire());
  }

  #fire(): void {
    this.#disarm = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first && first.deadline <= now; first = this.#heap[0]) {
      this.remove(first);
      first.expire();
    }
    const next = this.#heap[0];
    if (next && next.deadline < this.#armedFor) this.#arm(next.deadline);
  }

  #up(from: number, entry: Expiring): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (!parent || parent.deadline <= entry.deadline) break;
      this.#put(index, parent);
      index = parentIndex;
    }
    this.#put(index, entry);
  }

  #down(from: number, entry: Expiring): void {
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = this.#heap[childIndex];
      if (!child) break;
      const right = this.#heap[childIndex + 1];
      if (right && right.deadline < child.deadline) {
        child = right;
        childIndex++;
      }
      if (entry.deadline <= child.deadline) break;
      this.#put(index, child);
      index = childIndex;
    }
    this.#put(index, entry);
  }

  #put(index: number, entry: Expiring): void {
    this.#heap[index] = entry;
    entry.heapIndex = index;
  }
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { DeadlineQueue, type Expiring } from "./deadline-queue.ts";

class Entry implements Expiring {
  heapIndex = -1;
  readonly deadline: number;
  readonly #expired: number[];

  constructor(deadline: number, expired: number[]) {
    this.deadline = deadline;
    this.#expired = expired;
  }

  expire(): void {
    this.#expired.push(this.deadline);
  }
}

describe("calls with deadlines", () => {
  it("expire in order, each at its time", async () => {
    const clock = new VirtualClock();
    const queue = new DeadlineQueue(clock);
    const expired: number[] = [];
    for (const deadline of [30, 0.5, 20, 20, 1e9]) queue.add(new Entry(deadline, expired));
    await clock.advance(19);
    expect(expired).toEqual([0.5]);
    await clock.advance(11);
    expect(expired).toEqual([0.5, 20, 20, 30]);
    expect(queue.size).toBe(1);
  });

  it("share one timer, and leave none behind once cleared", () => {
    const clock = new VirtualClock();
    const queue = new DeadlineQueue(clock);
    for (let deadline = 100; deadline > 0; deadline--) queue.add(new Entry(deadline, []));
    expect(clock.pending).toBe(1);
    queue.clear();
    expect([clock.pending, queue.size]).toEqual([0, 0]);
  });

  it("never expire once removed, whatever the order of adding and removing", async () => {
    const numbers = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.boolean()));
    await fc.assert(
      fc.asyncProperty(numbers, async (calls) => {
        const clock = new VirtualClock();
        const queue = new DeadlineQueue(clock);
        const expired: number[] = [];
        const entries = calls.map(([deadline]) => new Entry(deadline, expired));
        for (const entry of entries) queue.add(entry);
        for (const [index, [, answered]] of calls.entries()) {
          const entry = entries[index];
          if (answered && entry) queue.remove(entry);
        }
        await clock.advance(60);
        const due = calls.filter(([, answered]) => !answered).map(([deadline]) => deadline);
        expect(expired).toEqual(due.toSorted((a, b) => a - b));
        expect(queue.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

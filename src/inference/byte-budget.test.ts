import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BudgetWaiter, ByteBudget } from "./byte-budget.ts";

const MB = 1024 * 1024;

function message(neededBytes: number, granted: string[] = [], name = ""): BudgetWaiter {
  return { neededBytes, granted: () => void granted.push(name) };
}

describe("a budget for messages", () => {
  it("grants while there is room, then lets them wait, first come first served", () => {
    const budget = new ByteBudget(64 * MB);
    const granted: string[] = [];
    expect(budget.acquire(message(40 * MB))).toBe(true);
    expect(budget.acquire(message(40 * MB, granted, "first"))).toBe(false);
    // Would fit, but somebody was there before.
    expect(budget.acquire(message(10 * MB, granted, "second"))).toBe(false);
    budget.release(40 * MB);
    expect(granted).toEqual(["first", "second"]);
    expect([budget.usedBytes, budget.waiting]).toEqual([50 * MB, 0]);
  });

  it("keeps a part that only small messages may use", () => {
    const budget = new ByteBudget(64 * MB);
    expect(budget.largestBytes).toBe(60 * MB);
    expect(budget.acquire(message(60 * MB))).toBe(true);
    expect(budget.acquire(message(MB))).toBe(false);
    for (let i = 0; i < 64; i++) expect(budget.acquire(message(64 * 1024))).toBe(true);
    expect(budget.acquire(message(1))).toBe(false);
    expect(budget.usedBytes).toBe(64 * MB);
  });

  it("forgets who leaves the line, and grants those behind", () => {
    const budget = new ByteBudget(64 * MB);
    const granted: string[] = [];
    budget.acquire(message(30 * MB));
    const big = message(50 * MB, granted, "big");
    budget.acquire(big);
    budget.acquire(message(20 * MB, granted, "behind"));
    budget.cancel(big);
    budget.cancel(big);
    expect(granted).toEqual(["behind"]);
    expect(budget.usedBytes).toBe(50 * MB);
  });

  it("lets big messages wait while answers are not taken, small ones and a last one pass", () => {
    const budget = new ByteBudget(64 * MB);
    const granted: string[] = [];
    budget.answersChanged(55 * MB);
    expect(budget.acquire(message(50 * MB))).toBe(true);
    expect(budget.acquire(message(4 * MB, granted, "next"))).toBe(false);
    expect(budget.acquire(message(64 * 1024))).toBe(true);
    budget.answersChanged(-55 * MB);
    expect(granted).toEqual(["next"]);
  });

  it("gives what nobody foresaw now or not at all", () => {
    const budget = new ByteBudget(8 * MB);
    expect(budget.tryAcquire(7 * MB)).toBe(true);
    expect(budget.tryAcquire(MB)).toBe(false);
    expect(budget.tryAcquire(1024)).toBe(true);
    expect(budget.waiting).toBe(0);
  });

  it("keeps the part of small messages from big ones that grow in small steps", () => {
    const budget = new ByteBudget(8 * MB);
    let held = 0;
    while (budget.tryAcquire(64 * 1024, held)) held += 64 * 1024;
    expect(held).toBe(budget.largestBytes);
    expect(budget.acquire(message(64 * 1024))).toBe(true);
  });

  it("is never overspent, and loses nobody", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 4_000_000 }), fc.nat(9)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (calls) => {
        const budget = new ByteBudget(5_000_000);
        const held: number[] = [];
        let waiting = 0;
        for (const [neededBytes, turn] of calls) {
          const waiter = {
            neededBytes,
            granted: () => {
              waiting--;
              held.push(neededBytes);
            },
          };
          if (budget.acquire(waiter)) held.push(neededBytes);
          else waiting++;
          if (turn < 4) budget.release(held.shift() ?? 0);
          expect(budget.usedBytes).toBeLessThanOrEqual(budget.totalBytes);
          expect(budget.waiting).toBe(waiting);
        }
        while (held.length > 0) budget.release(held.shift() ?? 0);
        expect([budget.usedBytes, budget.waiting, waiting]).toEqual([0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});

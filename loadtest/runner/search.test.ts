import { describe, expect, it } from "vitest";
import { highestRate } from "./search.ts";

const limits = { from: 100, to: 1e6, precision: 0.05, mostTrials: 20 };
const upTo = (capacity: number) => async (rate: number) => rate <= capacity;

describe("a search for the highest rate", () => {
  it.each([7, 100, 950, 123_456])(
    "comes within its precision of a capacity of %d",
    async (capacity) => {
      const { perSecond, trials } = await highestRate(limits, upTo(capacity));
      expect(perSecond).toBeLessThanOrEqual(capacity);
      expect(perSecond).toBeGreaterThan(capacity / 1.06);
      expect(trials.length).toBeLessThan(20);
    },
  );

  it("asks for no more than it is allowed to", async () => {
    const { perSecond, trials } = await highestRate({ ...limits, to: 500 }, upTo(1e9));
    expect(perSecond).toBe(500);
    expect(Math.max(...trials.map((trial) => trial.perSecond))).toBe(500);
  });

  it("ends where no rate meets the budget, and where its trials are used up", async () => {
    expect((await highestRate(limits, upTo(0))).perSecond).toBe(0);
    expect((await highestRate({ ...limits, mostTrials: 3 }, upTo(1e5))).trials).toHaveLength(3);
  });
});

import { describe, expect, it } from "vitest";
import { backOffMs, deathsInARow } from "./back-off.ts";

describe("the wait before a worker is started again", () => {
  it.each([
    [1, 0],
    [2, 100],
    [3, 200],
    [8, 6_400],
    [9, 10_000],
    [5_000, 10_000],
  ])("after %i deaths in a row is %i ms at most, and half of it at least", (deaths, ms) => {
    expect(backOffMs(deaths, 0)).toBe(ms);
    expect(backOffMs(deaths, 1)).toBe(ms / 2);
  });

  it("starts from the beginning after a second of service", () => {
    expect(deathsInARow(6, 999)).toBe(7);
    expect(deathsInARow(6, 1_000)).toBe(1);
  });
});

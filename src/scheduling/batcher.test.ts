import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideBatch, whyClosed } from "./batcher.ts";

const rules = { maxRows: 8, preferredRows: [4], maxDelayMs: 2 };
const eager = { maxRows: 8, preferredRows: [], maxDelayMs: 0 };
/** @param rows of each request */
function waiting(...rows: number[]) {
  const left = [...rows];
  return { nextRows: () => left.shift() ?? 0, oldestQueuedAt: 0 };
}
const at = (ms: number, ...rows: number[]) =>
  decideBatch(rules, waiting(...rows), Number.POSITIVE_INFINITY, ms);

describe("a batch is closed", () => {
  it.each([
    ["when a preferred row count is reached", at(0, 1, 3), { take: 2, rows: 4 }],
    ["at the preferred count, leaving the rest to grow", at(0, 4, 1), { take: 1, rows: 4 }],
    ["when the next request would not fit", at(0, 6, 4), { take: 1, rows: 6 }],
    ["when it is as large as the model takes", at(0, 5, 3), { take: 2, rows: 8 }],
    ["when the oldest has waited long enough", at(2, 1), { take: 1, rows: 1 }],
  ])("%s", (_, decision, expected) => expect(decision).toEqual(expected));

  it("not before, and says how long to wait", () => {
    expect(at(0.5, 1, 1)).toEqual({ take: 0, waitMs: 1.5 });
  });
});

describe("without a configured delay", () => {
  it("an idle device takes what is there at once", () => {
    expect(decideBatch(eager, waiting(1, 2), 64, 0)).toEqual({
      take: 2,
      rows: 3,
    });
  });

  it("a batch stops growing where growing no longer pays", () => {
    expect(decideBatch(eager, waiting(1, 1, 1, 1), 2, 0)).toEqual({
      take: 2,
      rows: 2,
    });
  });

  it("a single request larger than what pays still runs, alone", () => {
    expect(decideBatch(eager, waiting(5, 1), 2, 0)).toEqual({
      take: 1,
      rows: 5,
    });
  });
});

describe("with a delay and no preferred sizes", () => {
  it("a batch that has grown as far as pays does not wait any longer", () => {
    const patient = { maxRows: 64, preferredRows: [], maxDelayMs: 100 };
    expect(decideBatch(patient, waiting(2, 2), 4, 0)).toEqual({
      take: 2,
      rows: 4,
    });
    expect(decideBatch(patient, waiting(2, 1), 4, 0)).toEqual({
      take: 0,
      waitMs: 100,
    });
  });
});

it("never takes more rows than allowed, never waits past the delay, always moves in the end", () => {
  const queue = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 30 });
  const preferred = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 3 });
  fc.assert(
    fc.property(
      queue,
      preferred,
      fc.integer({ min: 1, max: 16 }),
      fc.double({ min: 0, max: 5, noNaN: true }),
      (rows, sizes, worth, now) => {
        const given = { maxRows: 8, preferredRows: sizes.toSorted((a, b) => a - b), maxDelayMs: 3 };
        const decision = decideBatch(given, waiting(...rows), worth, now);
        if ("waitMs" in decision) return decision.waitMs > 0 && decision.waitMs <= 3 && now < 3;
        const taken = rows.slice(0, decision.take).reduce((sum, r) => sum + r, 0);
        return taken === decision.rows && (taken <= 8 || decision.take === 1);
      },
    ),
  );
});

describe("why a batch was closed", () => {
  const rules = { maxRows: 64, preferredRows: [], maxDelayMs: 2 };
  const closed = { rows: 8, worthRows: 32, waitedMs: 0.5, leftBehind: false };

  it.each([
    [{ rows: 64 }, rules, "full"],
    [{ rows: 16 }, { ...rules, preferredRows: [16] }, "a preferred size was reached"],
    [{ rows: 32 }, rules, "larger batches than 32 rows cost as much a row, as measured"],
    [{ leftBehind: true }, rules, "the next request did not fit"],
    [{ waitedMs: 2 }, rules, "the oldest request had waited the 2 ms that it may"],
    [{}, { ...rules, maxDelayMs: 0 }, "the device was free and nobody else waited"],
  ])("is told: %j", (given, its, words) => {
    expect(whyClosed(its, { ...closed, ...given })).toBe(words);
  });
});

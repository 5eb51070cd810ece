import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallLimits, planCalls } from "./plan-calls.ts";

const one: CallLimits = { units: 1, buffersPerUnit: 2, mostRows: 1024, fixedRows: false };
const faast: CallLimits = { units: 4, buffersPerUnit: 8, mostRows: 16_384, fixedRows: true };
const sizes = (rows: number, limits: CallLimits) =>
  planCalls(rows, limits).map((call) => call.rows);

describe("a kernel that takes its number of rows", () => {
  it("gets a batch that fits in one call", () => {
    expect(planCalls(1000, one)).toEqual([{ firstRow: 0, rows: 1000, unit: 0, buffers: 0 }]);
  });

  it("alternates between its buffers where the batch is larger", () => {
    expect(planCalls(2050, one)).toEqual([
      { firstRow: 0, rows: 684, unit: 0, buffers: 0 },
      { firstRow: 684, rows: 683, unit: 0, buffers: 1 },
      { firstRow: 1367, rows: 683, unit: 0, buffers: 0 },
    ]);
  });

  it.each([
    [1, [1]],
    [127, [127]],
    [128, [64, 64]],
    [192, [64, 64, 64]],
    [4001, [1001, 1000, 1000, 1000]],
  ])("with four units, %i rows become calls of %j", (rows, expected) => {
    expect(sizes(rows, { ...one, units: 4, mostRows: 4096 })).toEqual(expected);
  });
});

describe("a kernel with a fixed number of rows", () => {
  it("is called as seldom as possible, the last call being short", () => {
    expect(sizes(16_384, faast)).toEqual([16_384]);
    expect(sizes(16_385, faast)).toEqual([16_384, 1]);
    expect(sizes(20_000, faast)).toEqual([16_384, 3616]);
  });

  it("goes round the units, then round their buffers", () => {
    const places = planCalls(16_384 * 34, faast).map(({ unit, buffers }) => [unit, buffers]);
    expect(places.slice(0, 5)).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0],
      [0, 1],
    ]);
    expect(places[31]).toEqual([3, 7]);
    expect(places[32]).toEqual([0, 0]);
  });
});

describe("any batch", () => {
  it("of no rows needs no call", () => {
    expect(planCalls(0, one)).toEqual([]);
    expect(planCalls(0, faast)).toEqual([]);
  });

  it("is covered once, in order, and no call is larger than its buffers", () => {
    const cases = fc.record({
      rows: fc.nat(5000),
      units: fc.nat(3).map((more) => more + 1),
      buffersPerUnit: fc.nat(3).map((more) => more + 1),
      mostRows: fc.nat(600).map((more) => more + 1),
      fixedRows: fc.constantFrom(true, false),
    });
    fc.assert(
      fc.property(cases, ({ rows, ...limits }) => {
        let next = 0;
        for (const call of planCalls(rows, limits)) {
          expect(call.firstRow).toBe(next);
          expect(call.rows).toBeGreaterThan(0);
          expect(call.rows).toBeLessThanOrEqual(limits.mostRows);
          expect(call.unit).toBeLessThan(limits.units);
          expect(call.buffers).toBeLessThan(limits.buffersPerUnit);
          next += call.rows;
        }
        expect(next).toBe(rows);
      }),
    );
  });
});

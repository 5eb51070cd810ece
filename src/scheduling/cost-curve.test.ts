import { describe, expect, it } from "vitest";
import { CostCurve } from "./cost-curve.ts";

function learnt(us: (rows: number) => number, sizes: readonly number[]): CostCurve {
  const curve = new CostCurve();
  for (const rows of sizes) for (let i = 0; i < 5; i += 1) curve.observe(rows, us(rows));
  return curve;
}
const DOUBLINGS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

describe("the rows worth joining", () => {
  it("have no limit while nothing is known", () => {
    expect(new CostCurve().worthRows()).toBe(Number.POSITIVE_INFINITY);
  });

  it("go far for a small network, where a run costs about the same for 1 and 64 rows", () => {
    expect(learnt((rows) => 18 + 0.2 * rows, DOUBLINGS).worthRows()).toBeGreaterThanOrEqual(1024);
  });

  it("end at one for a network whose time grows with the rows", () => {
    expect(learnt((rows) => 2850 * rows, DOUBLINGS).worthRows()).toBe(1);
  });

  it("end at one for a network that batching makes slower", () => {
    expect(learnt((rows) => 2000 * rows ** 1.2, [1, 2, 4]).worthRows()).toBe(1);
  });

  it("are found although sizes in between never ran", () => {
    expect(learnt((rows) => 1000 * rows, [1, 64]).worthRows()).toBe(1);
  });

  it("are not decided by one slow run", () => {
    const curve = learnt((rows) => 18 + 0.2 * rows, DOUBLINGS.slice(0, 6));
    curve.observe(2, 50_000);
    expect(curve.worthRows()).toBe(Number.POSITIVE_INFINITY);
  });

  it("are tried again now and then, one step further", () => {
    const curve = learnt((rows) => 1000 * rows, [1, 2]);
    const limits = Array.from({ length: 300 }, () => curve.worthRows());
    expect(new Set(limits)).toEqual(new Set([1, 3]));
  });
});

it("expects of a size what that size took before", () => {
  const curve = learnt((rows) => 100 * rows, [4]);
  expect(curve.expectedUs(4)).toBeCloseTo(400);
  expect(curve.expectedUs(64)).toBeUndefined();
});

it("expects of a size between two what lies between them, and of a larger one as much more", () => {
  const curve = learnt((rows) => 1_000 + 50 * rows, [4, 31]);
  expect(curve.predictUs(16)).toBeCloseTo(1_800);
  expect(curve.predictUs(62)).toBeCloseTo(4_100);
  expect(new CostCurve().predictUs(4)).toBe(0);
});

it("does not take sizes for equally good that are nearly the same", () => {
  const curve = learnt((rows) => 1_000 + 50 * rows, [1, 2, 4, 15, 16, 31, 32]);
  expect(curve.worthRows()).toBe(Number.POSITIVE_INFINITY);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CanaryShare } from "./canary-share.ts";

const chosen = (share: CanaryShare, weight: number, requests: number) =>
  Array.from({ length: requests }, () => share.takes(weight));
const count = (takes: readonly boolean[]) => takes.filter(Boolean).length;

describe("the share of a candidate", () => {
  it("is exact over any 1000 requests in a row, wherever one begins to count", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(2000), fc.nat(2 ** 31), (thousandths, from, seed) => {
        const share = new CanaryShare(seed);
        chosen(share, thousandths / 1000, from);
        expect(count(chosen(share, thousandths / 1000, 1000))).toBe(thousandths);
      }),
    );
  });

  it("is right in the long run where it is less than a thousandth", () => {
    const takes = chosen(new CanaryShare(7), 0.0005, 100_000);
    expect(count(takes)).toBeGreaterThanOrEqual(49);
    expect(count(takes)).toBeLessThanOrEqual(51);
  });

  it("lies evenly, and hits no client in turn more than another", () => {
    const takes = chosen(new CanaryShare(3), 0.1, 10_000);
    for (let from = 0; from < takes.length; from += 100) {
      const near = count(takes.slice(from, from + 100));
      expect(near).toBeGreaterThanOrEqual(8);
      expect(near).toBeLessThanOrEqual(12);
    }
    for (const client of [0, 1, 2, 3, 4, 5, 6]) {
      const own = count(takes.filter((_, at) => at % 7 === client));
      expect(own / (10_000 / 7)).toBeCloseTo(0.1, 1);
    }
  });

  it("counts every request of a bundle that goes one way together", () => {
    const share = new CanaryShare(0);
    let given = 0;
    let all = 0;
    for (let k = 0; k < 1000; k += 1) {
      const bundle = 1 + ((k * 7) % 64);
      all += bundle;
      if (share.takes(0.25, bundle)) given += bundle;
    }
    expect(Math.abs(given - all / 4)).toBeLessThanOrEqual(64);
  });

  it("is nothing at 0 and all at 1", () => {
    expect(count(chosen(new CanaryShare(5), 0, 3000))).toBe(0);
    expect(count(chosen(new CanaryShare(5), 1, 3000))).toBe(3000);
  });
});

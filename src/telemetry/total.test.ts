import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Total } from "./total.ts";

describe("a total", () => {
  it("is exact far beyond what a number holds", () => {
    const amount = fc.integer({ min: 0, max: 2 ** 50 });
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 200 }), (amounts) => {
        const total = new Total();
        for (const one of amounts) total.add(one);
        return total.value === amounts.reduce((sum, one) => sum + BigInt(one), 0n);
      }),
    );
  });

  it("ignores what is no amount of anything", () => {
    const total = new Total();
    for (const odd of [Number.NaN, -5, 0]) total.add(odd);
    expect(total.value).toBe(0n);
    total.add(2.6);
    expect(total.value).toBe(3n);
  });
});

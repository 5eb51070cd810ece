import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBfloat, halves, toBfloat, toHalf } from "./small-floats.ts";

const half = (bits: number) => halves()[bits] as number;

/** The nearest of all numbers of a small float, ties to the even pattern, by looking at its neighbours. */
function isNearest(x: number, bits: number, decode: (bits: number) => number): boolean {
  const off = Math.abs(decode(bits) - x);
  return [bits - 1, bits + 1].every((other) => {
    const far = Math.abs(decode(other & 0xffff) - x);
    return !(far < off) && !(far === off && bits % 2 === 1);
  });
}

describe("a half", () => {
  it.each([
    [0, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7bff, 65504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
  ])("%i is %d", (bits, value) => {
    expect(half(bits)).toBe(value);
    if (Number.isFinite(value)) expect(toHalf(value)).toBe(bits);
  });

  it("is rounded once, to the nearest, ties to even", () => {
    fc.assert(
      fc.property(fc.double({ min: -65000, max: 65000, noNaN: true }), (x) =>
        isNearest(x, toHalf(x), half),
      ),
      { numRuns: 2000 },
    );
    expect(toHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
    // By way of FP32 this would first become the tie, then 1.
    expect(toHalf(1 + 2 ** -11 + 2 ** -40)).toBe(0x3c01);
    expect([toHalf(65519), toHalf(65520), toHalf(-1e9)]).toEqual([0x7bff, 0x7c00, 0xfc00]);
  });

  it("comes back as it was, all 63 488 finite ones", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) !== 0x7c00 && toHalf(half(bits)) !== bits) expect.fail(`half ${bits}`);
    }
  });
});

describe("a BF16", () => {
  it("comes back as it was, all finite ones", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7f80) !== 0x7f80 && toBfloat(fromBfloat(bits)) !== bits) {
        expect.fail(`bfloat ${bits}`);
      }
    }
  });

  it("is rounded to the nearest, ties to even", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e38, max: 1e38, noNaN: true }), (x) =>
        isNearest(x, toBfloat(x), fromBfloat),
      ),
      { numRuns: 2000 },
    );
    expect(toBfloat(1e300)).toBe(0x7f80);
  });
});

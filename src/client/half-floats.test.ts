import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBf16, fromFp16, toBf16, toFp16 } from "./half-floats.ts";

const EVERY = Uint16Array.from({ length: 0x1_0000 }, (_, bits) => bits);
const isNumber = (value: number) => !Number.isNaN(value);

describe.each([
  ["FP16", toFp16, fromFp16],
  ["BF16", toBf16, fromBf16],
] as const)("%s", (name, to, from) => {
  const numbers = from(EVERY);

  it("gives back the bits of each of its numbers", () => {
    const back = to(numbers);
    const wrong = EVERY.filter((bits) => isNumber(numbers[bits] ?? 0) && back[bits] !== bits);
    expect([...wrong]).toEqual([]);
    expect(Number.isNaN(from(to([Number.NaN]))[0])).toBe(true);
  });

  it("rounds to the nearest, ties to even", () => {
    const finite = [...EVERY].filter((bits) => bits < 0x8000 && Number.isFinite(numbers[bits]));
    fc.assert(
      fc.property(fc.nat(finite.length - 2), fc.boolean(), (lower, negative) => {
        const [a, b] = [numbers[lower] ?? 0, numbers[lower + 1] ?? 0];
        const sign = negative ? -1 : 1;
        const near = (value: number) => (from(to([sign * value]))[0] ?? 0) * sign;
        const quarter = (b - a) / 4;
        expect(near(a + quarter)).toBe(a);
        expect(near(b - quarter)).toBe(b);
        expect(near((a + b) / 2)).toBe(lower % 2 === 0 ? a : b);
      }),
    );
  });

  it("has infinities, also for what is too large", () => {
    const { POSITIVE_INFINITY: infinite } = Number;
    expect([...from(to([infinite, -infinite, 3.4028235e38]))]).toEqual([
      infinite,
      -infinite,
      infinite,
    ]);
    expect(Object.is(from(to([-0]))[0], -0)).toBe(true);
    if (name === "FP16") expect([...from(to([65_519, 65_520]))]).toEqual([65_504, infinite]);
  });
});

describe("FP16", () => {
  it("rounds a double once, not by way of FP32", () => {
    // Just above the middle of two; as FP32 it would be the middle, and go down to even.
    expect(fromFp16(toFp16([1 + 2 ** -11 + 2 ** -40]))[0]).toBe(1 + 2 ** -10);
  });
});

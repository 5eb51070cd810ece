import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyType, castExactly } from "../../../test/support/reference-cast.ts";
import type { FixedPointType } from "../../contract.ts";
import { casterOf, castRaw, quantizerOf, restorerOf } from "./convert.ts";
import { rangeOf, storageBitsOf, typeFault } from "./type.ts";

const fixed = (w: number, i: number, rest: Partial<FixedPointType> = {}): FixedPointType => ({
  w,
  i,
  signed: true,
  q: "TRN",
  o: "WRAP",
  ...rest,
});

/** A double as whole number times a power of two. */
function exactly(x: number): { whole: bigint; exponent: number } {
  let exponent = 0;
  let whole = x;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    exponent -= 1;
  }
  return { whole: BigInt(whole), exponent };
}

const raws = fc.tuple(anyType, fc.double({ min: 0, max: 1, noNaN: true })).map(([type, part]) => {
  const { lo, hi } = rangeOf(type);
  return { type, raw: Math.min(hi, lo + Math.floor(part * (hi - lo + 1))) };
});

describe("a cast between fixed-point types", () => {
  it("is that of whole numbers of any size", () => {
    fc.assert(
      fc.property(raws, anyType, ({ type: from, raw }, to) => {
        const shift = to.w - to.i - (from.w - from.i);
        expect(BigInt(castRaw(raw, from, to))).toBe(castExactly(BigInt(raw), shift, to));
      }),
      { numRuns: 3000 },
    );
  });

  it("changes nothing where the type stays, unless it saturates symmetrically", () => {
    fc.assert(
      fc.property(raws, ({ type, raw }) => {
        const least = type.o === "SAT_SYM" && type.signed && raw === rangeOf(type).lo;
        expect(casterOf(type, type)(raw)).toBe(least ? raw + 1 : raw);
      }),
    );
  });
});

describe("a number on its way in", () => {
  it("is scaled exactly, then rounded, then fitted", () => {
    const ties = fc.tuple(fc.integer({ min: -4096, max: 4096 }), fc.integer({ min: -70, max: 70 }));
    const numbers = fc.oneof(
      ties.map(([odd, exponent]) => odd * 2 ** exponent),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    fc.assert(
      fc.property(numbers, anyType, (x, type) => {
        const { whole, exponent } = exactly(x);
        const want = castExactly(whole, exponent + type.w - type.i, type);
        expect(BigInt(quantizerOf(type)(x))).toBe(want);
      }),
      { numRuns: 5000 },
    );
  });

  it("comes back as it was where the type can say it", () => {
    fc.assert(
      fc.property(raws, ({ type, raw }) => {
        fc.pre(type.o !== "SAT_SYM" || raw !== rangeOf(type).lo);
        expect(quantizerOf(type)(restorerOf(type)(raw))).toBe(raw);
      }),
    );
  });

  it.each([
    ["WRAP", 0, 0, 0],
    ["SAT", 7, -8, -8],
    ["SAT_ZERO", 0, 0, 0],
    ["SAT_SYM", 7, -7, -7],
  ] as const)("with %s: infinity %d, -infinity %d, NaN %d", (o, up, down, nan) => {
    for (const q of ["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_CONV_ODD"] as const) {
      const quantize = quantizerOf(fixed(4, 2, { o, q }));
      expect([quantize(Infinity), quantize(-Infinity), quantize(NaN)]).toEqual([up, down, nan]);
    }
  });

  it("keeps its sign for TRN, however small it is", () => {
    expect(quantizerOf(fixed(8, 60))(-5e-324)).toBe(-1);
    expect(quantizerOf(fixed(8, 60, { q: "RND" }))(-5e-324)).toBe(0);
  });
});

describe("a type", () => {
  it("takes the least word of memory that holds it", () => {
    const bits = [1, 8, 9, 16, 17, 32, 33, 52].map((w) => storageBitsOf(fixed(w, 1)));
    expect(bits).toEqual([8, 8, 16, 16, 32, 32, 64, 64]);
  });

  it.each([
    [fixed(0, 0), "w is 0, and a raw integer has 1 to 52 bits"],
    [fixed(53, 0), "w is 53, and a raw integer has 1 to 52 bits"],
    [fixed(8, 1.5), "i is 1.5, and an integer from -256 to 256 is possible"],
    [fixed(8, 300), "i is 300, and an integer from -256 to 256 is possible"],
    [fixed(8, 3, { q: "NEAREST" as "RND" }), "q is NEAREST, and has to be one of TRN, "],
    [fixed(8, 3, { o: "CLIP" as "SAT" }), "o is CLIP, and has to be one of WRAP, "],
    [fixed(8, 3, { signed: 1 as unknown as true }), "signed is 1, and has to be true or false"],
  ])("that is impossible says why (%#)", (type, fault) => {
    expect(typeFault(type)).toContain(fault);
    expect(() => quantizerOf(type)).toThrow(`fixed-point type: ${fault}`);
  });

  it("that is possible has no fault", () => {
    expect(typeFault(fixed(6, -1))).toBeUndefined();
    expect(typeFault(fixed(4, 6))).toBeUndefined();
  });
});

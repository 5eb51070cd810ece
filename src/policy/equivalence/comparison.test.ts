import { describe, expect, it } from "vitest";
import { checkEquivalence } from "./check-equivalence.ts";
import { Comparison } from "./comparison.ts";
import { auc } from "./physics.ts";
import type { Equivalence, EquivalenceClass } from "./types.ts";

const bytes = (array: ArrayBufferView) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const f32 = (...values: number[]) => bytes(Float32Array.of(...values));
const u16 = (...values: number[]) => bytes(Uint16Array.of(...values));

function compare(
  judged: EquivalenceClass,
  datatype: "FP32" | "FP64" | "FP16" | "BF16" | "INT64" | "UINT8" | "INT32" | "BYTES",
  got: Uint8Array,
  expected: Uint8Array,
  rows = 1,
) {
  const comparison = new Comparison({ class: judged }, [{ name: "y", datatype }]);
  const numbers = Array.from({ length: rows }, (_, row) => row);
  const counts = comparison.add(numbers, new Map([["y", got]]), new Map([["y", expected]]));
  const { outputs, ...result } = comparison.result;
  const [output] = outputs;
  if (output === undefined) throw new Error("no output");
  return { ...result, counts, output };
}

const tiny = 2 ** -149;

describe("a class", () => {
  it("with a relative part takes no number for an infinite reference", () => {
    const near = { kind: "abs-rel", abs: 1, rel: 0.5 } as const;
    expect(compare(near, "FP32", f32(1), f32(Infinity)).passed).toBe(false);
    expect(compare(near, "FP32", f32(Infinity), f32(-Infinity)).passed).toBe(false);
    expect(compare(near, "FP32", f32(Infinity), f32(Infinity)).passed).toBe(true);
  });

  it("of fixed point counts raw integers one by one", () => {
    const one = { kind: "fixed-point", w: 16, i: 6, lsb: 1 } as const;
    const i32 = (...values: number[]) => bytes(Int32Array.of(...values));
    expect(compare(one, "INT32", i32(6), i32(5)).output).toMatchObject({ passed: true });
    expect(compare(one, "INT32", i32(7), i32(5)).output.worst[0]).toMatchObject({ error: 2 });
    expect(compare(one, "FP32", f32(2 ** -10), f32(0)).output).toMatchObject({ passed: true });
  });
});

describe("ulps", () => {
  it.each([
    ["neighbours", f32(1), f32(1 + 2 ** -23), 1],
    ["both signs of the least", f32(tiny), f32(-tiny), 2],
    ["zero and the least", f32(0), f32(tiny), 1],
    ["+0 and -0", f32(0), f32(-0), 0],
    ["two NaN", f32(Number.NaN), f32(Number.NaN), 0],
    ["NaN and a number", f32(Number.NaN), f32(1), Number.MAX_VALUE],
    ["infinities of both signs", f32(Infinity), f32(-Infinity), Number.MAX_VALUE],
    ["the same infinity", f32(Infinity), f32(Infinity), 0],
    ["the largest and infinity", f32(3.4028234663852886e38), f32(Infinity), Number.MAX_VALUE],
  ])("of %s", (_, got, expected, ulps) => {
    expect(compare({ kind: "ulp", max: 0 }, "FP32", got, expected).output.maxUlp).toBe(ulps);
  });

  it("of the other floats", () => {
    const exact = { kind: "ulp", max: 1 } as const;
    const f64 = (...values: number[]) => bytes(Float64Array.of(...values));
    expect(compare(exact, "FP64", f64(1), f64(1 + 2 ** -52)).output.maxUlp).toBe(1);
    expect(compare(exact, "FP64", f64(5e-324), f64(-5e-324)).output.maxUlp).toBe(2);
    expect(compare(exact, "FP16", u16(0x3c00), u16(0x3c02)).output).toMatchObject({
      maxUlp: 2,
      maxAbs: 2 ** -9,
      passed: false,
    });
    expect(compare(exact, "FP16", u16(0x0001), u16(0x8001)).output.maxUlp).toBe(2);
    expect(compare(exact, "BF16", u16(0x3f80), u16(0x3f81)).output).toMatchObject({
      maxUlp: 1,
      maxAbs: 2 ** -7,
    });
  });

  it("of 64-bit integers beyond 2^53 are exact", () => {
    const big = (value: bigint) => bytes(BigInt64Array.of(value));
    const { output } = compare(
      { kind: "ulp", max: 0 },
      "INT64",
      big(2n ** 60n),
      big(2n ** 60n + 1n),
    );
    expect(output).toMatchObject({ maxUlp: 1, maxAbs: 1, passed: false });
  });
});

describe("a class", () => {
  it.each<[string, EquivalenceClass, number, number, boolean]>([
    ["bit-exact: -0 is not +0", { kind: "bit-exact" }, -0, 0, false],
    ["bit-exact: any NaN is NaN", { kind: "bit-exact" }, Number.NaN, Number.NaN, true],
    ["ulp within", { kind: "ulp", max: 1 }, 1 + 2 ** -23, 1, true],
    ["ulp beyond", { kind: "ulp", max: 1 }, 1 + 2 ** -22, 1, false],
    ["abs within", { kind: "abs-rel", abs: 0.5, rel: 0 }, 1.5, 1, true],
    ["abs beyond", { kind: "abs-rel", abs: 0.5, rel: 0 }, 1.75, 1, false],
    ["rel of the expected one", { kind: "abs-rel", abs: 0, rel: 0.5 }, 3, 2, true],
    ["rel of nothing is nothing", { kind: "abs-rel", abs: 0, rel: 0.5 }, tiny, 0, false],
    ["NaN is near no number", { kind: "abs-rel", abs: 1e30, rel: 1 }, Number.NaN, 1, false],
    ["one LSB", { kind: "fixed-point", w: 16, i: 1, lsb: 1 }, 0.5 + 2 ** -15, 0.5, true],
    ["two LSB", { kind: "fixed-point", w: 16, i: 1, lsb: 1 }, 0.5 + 2 ** -14, 0.5, false],
  ])("%s", (_, judged, got, expected, passes) => {
    const { passed, reason } = compare(judged, "FP32", f32(got), f32(expected));
    expect(passed).toBe(passes);
    expect(reason === undefined).toBe(passes);
  });

  it("judges each output by its own where it has one", () => {
    const equivalence: Equivalence = {
      class: { kind: "bit-exact" },
      outputs: { b: { kind: "abs-rel", abs: 1, rel: 0 } },
    };
    const specs = [
      { name: "a", datatype: "FP32" },
      { name: "b", datatype: "FP32" },
    ] as const;
    const comparison = new Comparison(equivalence, specs);
    const got = new Map([
      ["a", f32(1)],
      ["b", f32(2)],
    ]);
    const expected = new Map([
      ["a", f32(1)],
      ["b", f32(1.5)],
    ]);
    expect(comparison.add([7], got, expected)).toEqual({ failing: 0, differing: 1 });
    expect(comparison.result.passed).toBe(true);
  });
});

describe("what was found", () => {
  it("names the worst rows, largest error first, and counts the errors", () => {
    const expected = new Float32Array(300);
    const got = Float32Array.from(expected, (_, at) => (at % 3 === 1 ? at / 1000 : 0));
    const judged = { kind: "abs-rel", abs: 0.25, rel: 0 } as const;
    const { output, counts, reason } = compare(judged, "FP32", bytes(got), bytes(expected), 100);
    expect(counts).toEqual({ failing: 16, differing: 100 });
    expect(output.worst).toHaveLength(10);
    expect(output.worst[0]).toMatchObject({ row: 99, element: 1, expected: 0 });
    expect(output.worst[9]).toMatchObject({ row: 90 });
    expect(output.histogram.counts.reduce((a, b) => a + b)).toBe(300);
    expect(output.histogram.counts[0]).toBe(200);
    expect(reason).toContain("16 of 300 elements are outside 0.25 + 0 · |expected|");
    expect(reason).toContain("element 1 of row 99");
  });

  it("is a failure of every row where an output has another size", () => {
    const { counts, passed } = compare({ kind: "ulp", max: 9 }, "FP32", f32(1), f32(1, 2), 2);
    expect(counts).toEqual({ failing: 2, differing: 2 });
    expect(passed).toBe(false);
  });

  it("of texts is the same or not", () => {
    const text = (...words: string[]) =>
      Buffer.concat(
        words.flatMap((word) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(word.length);
          return [length, Buffer.from(word)];
        }),
      );
    const { output } = compare({ kind: "bit-exact" }, "BYTES", text("a", "b"), text("a", "c"), 2);
    expect(output).toMatchObject({ elements: 2, failing: 1 });
    expect(output.worst[0]).toMatchObject({ row: 1, got: "b", expected: "c" });
  });
});

describe("physics", () => {
  const base = { kind: "physics", output: "y", threshold: 0.5 } as const;
  const scores = [0.1, 0.4, 0.6, 0.9];

  it.each([
    [{ ...base, minAgreement: 0.75 }, [0.1, 0.6, 0.6, 0.9], true],
    [{ ...base, minAgreement: 0.76 }, [0.1, 0.6, 0.6, 0.9], false],
    [{ ...base, maxEfficiencyDifference: 0.2 }, [0.1, 0.6, 0.6, 0.9], false],
    [{ ...base, maxEfficiencyDifference: 0 }, [0.6, 0.4, 0.1, 0.9], true],
    [{ ...base, maxAucDifference: 0.5 }, scores, false], // no labels
  ])("%o of %j", (judged, got, passes) => {
    const found = compare(judged, "FP32", f32(...got), f32(...scores), 4);
    expect(found.passed).toBe(passes);
  });

  it("knows the AUC where there are labels", () => {
    const comparison = new Comparison({ class: { ...base, maxAucDifference: 0.1 } }, [
      { name: "y", datatype: "FP32" },
    ]);
    const expected = new Map([["y", f32(...scores)]]);
    comparison.add([0, 1, 2, 3], new Map([["y", f32(0.9, 0.4, 0.6, 0.1)]]), expected, [0, 0, 1, 1]);
    expect(comparison.result.physics).toMatchObject({ auc: 0.25, referenceAuc: 1 });
    expect(comparison.result.reason).toContain("the AUC is 0.25");
  });

  it("shares the ranks of equal scores", () => {
    expect(auc([1, 1, 1, 1], [0, 1, 0, 1])).toBe(0.5);
    expect(auc([1, 2, 2, 3], [0, 0, 1, 1])).toBe(0.875);
    expect(auc([1, 2], [1, 1])).toBe(0.5);
  });
});

describe("a declared class", () => {
  const outputs = [
    { name: "y", datatype: "FP32" },
    { name: "text", datatype: "BYTES" },
  ] as const;
  const exact = { kind: "bit-exact" } as const;

  it.each<[Equivalence, string]>([
    [{ class: exact, outputs: { z: exact } }, "there is no output 'z'; there are: y, text"],
    [{ class: { kind: "ulp", max: 1 } }, "output 'text' is of texts"],
    [{ class: exact, outputs: { y: { kind: "ulp", max: -1 } } }, "max is -1"],
    [{ class: exact, outputs: { y: { kind: "abs-rel", abs: Number.NaN, rel: 0 } } }, "abs is NaN"],
    [{ class: { kind: "physics", output: "y", threshold: 1 } }, "it limits nothing"],
    [{ class: { kind: "physics", output: "q", threshold: 1, minAgreement: 1 } }, "no output 'q'"],
    [{ class: { kind: "physics", output: "y", threshold: 1, minAgreement: 2 } }, "from 0 to 1"],
  ])("%j is refused", (equivalence, text) => {
    expect(() => checkEquivalence(equivalence, outputs)).toThrow(text);
  });

  it("that fits is taken", () => {
    checkEquivalence({ class: exact, outputs: { y: { kind: "ulp", max: 4 } } }, outputs);
  });
});

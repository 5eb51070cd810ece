import { describe, expect, it } from "vitest";
import { type WrittenTensor, written } from "./answers-file.ts";
import { largestDifference } from "./compare.ts";

const floats = (...values: readonly number[]): WrittenTensor =>
  written({
    name: "y",
    datatype: "FP32",
    shape: [values.length],
    data: new Uint8Array(Float32Array.from(values).buffer),
  });
const integers = (value: number): WrittenTensor =>
  written({ name: "n", datatype: "INT8", shape: [1], data: Uint8Array.of(value) });

describe("outputs of a model on two architectures", () => {
  it("may differ in floats by a small share of the largest value", () => {
    expect(largestDifference([floats(100, 1)], [floats(100, 1)]).share).toBe(0);
    const { output, share } = largestDifference([floats(100, 1)], [floats(100, 1.0005)]);
    expect([output, share.toFixed(7)]).toEqual(["y", "0.0000050"]);
  });

  it("may both be no number, and both infinite", () => {
    const odd = floats(Number.NaN, Number.NEGATIVE_INFINITY, 2);
    expect(
      largestDifference([odd], [floats(Number.NaN, Number.NEGATIVE_INFINITY, 2.00001)]).share,
    ).toBeGreaterThan(0);
  });

  it.each([
    ["a float further away", [floats(100, 1)], [floats(100, 1.01)], /y FP32 \[2\] differs by/],
    ["no number on one side", [floats(1, 2)], [floats(1, Number.NaN)], /differs by Infinity/],
    ["infinite on one side", [floats(1, 2)], [floats(1, Number.POSITIVE_INFINITY)], /Infinity/],
    ["another integer", [integers(1)], [integers(2)], /only floats may differ/],
    ["another shape", [floats(1, 2)], [floats(1)], /y FP32 \[1\] instead of y FP32 \[2\]/],
    ["an output missing", [floats(1), integers(1)], [floats(1)], /1 outputs instead of 2/],
  ])("are not the same with %s", (_, expected, got, reason) => {
    expect(() => largestDifference(expected, got)).toThrow(reason);
  });
});

import { expect, it } from "vitest";
import { agreementOf } from "./agreement.ts";

const floats = (...values: number[]) => Float32Array.from(values);

it("agreement counts equal bits, flipped decisions and the largest difference, row by row", () => {
  const reference = [floats(0.1, 0.9), undefined, floats(0.5)];
  const answers = [
    { key: 0, scores: floats(0.1, 0.4) },
    { key: 0, scores: floats(0.1, 0.9) },
    { key: 1, scores: floats(0.3) },
    { key: 2, scores: floats(0.5000001) },
    { key: 2, scores: floats(0.5, 0.5) },
  ];
  expect(agreementOf("cpu", answers, reference, 0.5)).toEqual({
    ...{ reference: "cpu", compared: 5, bitExact: 3, decisionsFlipped: 1 },
    largestDifference: expect.closeTo(0.5, 6),
  });
  expect(agreementOf("cpu", answers, reference, undefined).decisionsFlipped).toBe(0);
});

import { describe, expect, it } from "vitest";
import { answerAt, parseLaw, quantileOf } from "./service-law.ts";

/** Latencies of requests that come evenly over 100 s. */
function sample(text: string): number[] {
  const law = parseLaw(text);
  const count = 100_000;
  let draw = 0;
  return Array.from({ length: count }, (_, index) => {
    const at = (index * 100_000) / count;
    // Each hundredth-thousandth of (0, 1) once, in an order without meaning.
    draw = (draw + 61_803) % count;
    return answerAt(law, at, () => (draw + 0.5) / count) - at;
  }).sort((a, b) => a - b);
}

describe("a service law", () => {
  for (const text of ["fixed:200", "exponential:200", "stalls:200,500,25000"]) {
    it(`${text} has the percentiles that it says`, () => {
      const latencies = sample(text);
      for (const share of [0.5, 0.9, 0.985, 0.99, 0.999]) {
        const found = latencies[Math.ceil(share * latencies.length) - 1] ?? 0;
        expect(Math.abs(found / quantileOf(parseLaw(text), share) - 1)).toBeLessThan(0.005);
      }
    });
  }

  it("is refused with the forms that there are", () => {
    for (const text of ["fixed", "exponential:0", "stalls:1,2,2", "gauss:3", "none:1"]) {
      expect(() => parseLaw(text)).toThrow(/expected none, fixed:MS/);
    }
  });
});

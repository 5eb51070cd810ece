import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";

const draw = (count: number, make: () => number) => Array.from({ length: count }, make);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("two generators of one seed", () => {
  it("draw the same numbers", () => {
    const [a, b] = [new Random(5), new Random(5)];
    expect(draw(100, () => a.bits())).toEqual(draw(100, () => b.bits()));
  });

  it("differ from those of another seed", () => {
    const [a, b] = [new Random(5), new Random(6)];
    expect(draw(10, () => a.bits())).not.toEqual(draw(10, () => b.bits()));
  });
});

describe("20 000 draws", () => {
  const random = new Random(1);
  const cases: [string, () => number, number, number][] = [
    ["uniform", () => random.uniform(2, 4), 3, 0.02],
    ["normal", () => random.normal(1, 2), 1, 0.06],
    ["exponential", () => random.exponential(3), 3, 0.1],
    ["poisson", () => random.poisson(2.5), 2.5, 0.05],
    ["integer", () => random.integer(5), 2, 0.05],
    ["power law", () => random.powerLaw(1, 2, 2), 2 * Math.log(2), 0.01],
  ];

  it.each(cases)("of %s have the right mean", (_, make, expected, tolerance) => {
    expect(Math.abs(mean(draw(20_000, make)) - expected)).toBeLessThan(tolerance);
  });

  it("of poisson have the right mean where exp(-mean) would vanish", () => {
    expect(Math.abs(mean(draw(500, () => random.poisson(1200))) - 1200)).toBeLessThan(6);
  });

  it("of normal have the right spread", () => {
    const squares = draw(20_000, () => random.normal(0, 2) ** 2);
    expect(mean(squares)).toBeGreaterThan(3.8);
    expect(mean(squares)).toBeLessThan(4.2);
  });
});

describe("shuffle", () => {
  it("keeps every value", () => {
    const values = Uint32Array.from({ length: 50 }, (_, i) => i);
    new Random(2).shuffle(values);
    expect([...values].sort((a, b) => a - b)).toEqual(draw(50, () => 0).map((_, i) => i));
    expect(values[0] === 0 && values[1] === 1 && values[2] === 2).toBe(false);
  });
});

/** Does a sample come from a distribution: the largest distance of the two cumulative curves. */

export interface KolmogorovSmirnov {
  /** Largest distance. */
  readonly distance: number;
  /** Chance of a distance as large, if the sample does come from it. */
  readonly probability: number;
}

/** @param cumulative of the distribution: the share at or below a value */
export function kolmogorovSmirnov(
  sample: Float64Array,
  cumulative: (value: number) => number,
): KolmogorovSmirnov {
  const count = sample.length;
  if (count === 0) throw new RangeError("a sample of nothing");
  const sorted = sample.slice().sort();
  let distance = 0;
  for (const [at, value] of sorted.entries()) {
    const expected = cumulative(value);
    distance = Math.max(distance, expected - at / count, (at + 1) / count - expected);
  }
  // Stephens' correction makes the limit good for small samples too (JRSS B 32, 1970).
  const root = Math.sqrt(count);
  return { distance, probability: beyond((root + 0.12 + 0.11 / root) * distance) };
}

/** Kolmogorov's distribution: the share beyond. */
function beyond(t: number): number {
  if (t < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * t * t);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-16) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

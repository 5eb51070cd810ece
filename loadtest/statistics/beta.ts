/**
 * Gamma and beta functions, and the integrals that intervals are made of. Series
 * and continued fractions as in Abramowitz and Stegun, "Handbook of Mathematical
 * Functions", 6.5 and 26.5; good to some 1e-13.
 */

/** Lanczos, g = 7, n = 9. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const;

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] as number) / (shifted + i);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

const TINY = 1e-300;
const MOST_STEPS = 100_000;

/** Lentz's evaluation of b0 + a1/(b1 + a2/(b2 + ...)) from its first term on. */
function continuedFraction(
  start: number,
  term: (step: number) => { readonly a: number; readonly b: number },
): number {
  const solid = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let value = solid(start);
  let c = value;
  let d = 0;
  for (let step = 1; step < MOST_STEPS; step++) {
    const { a, b } = term(step);
    d = 1 / solid(b + a * d);
    c = solid(b + a / c);
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return value;
}

/** I_x(a, b): the share of a beta distribution below x. */
export function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  const fraction = continuedFraction(1, (step) => {
    const m = Math.floor(step / 2);
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    return { a: step % 2 === 0 ? even : odd, b: 1 };
  });
  return front / (a * fraction);
}

/** P(a, x): the share of a gamma distribution below x. */
export function gammaShare(x: number, a: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = a + 1; term > sum * 1e-16; n++) {
      term *= x / n;
      sum += term;
    }
    return front * sum;
  }
  const fraction = continuedFraction(x + 1 - a, (step) => ({
    a: -step * (step - a),
    b: x + 1 - a + 2 * step,
  }));
  return 1 - front / fraction;
}

/** Where a rising function reaches the share: bisection, to the last bit. */
export function whereShare(
  share: number,
  of: (x: number) => number,
  low: number,
  high: number,
): number {
  let [below, above] = [low, high];
  for (;;) {
    const middle = (below + above) / 2;
    if (middle <= below || middle >= above) return middle;
    if (of(middle) < share) below = middle;
    else above = middle;
  }
}

/** Intervals that hold their promise for small counts too: of a share, and of a count. */
import { betaShare, gammaShare, whereShare } from "./beta.ts";

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What physicists quote: the share of a normal distribution within one sigma. */
export const ONE_SIGMA = 0.682689492137086;

/**
 * Clopper-Pearson: the shares under which as few, or as many, successes are not
 * rarer than the level says (Biometrika 26, 1934). Covers at least the level.
 */
export function clopperPearson(successes: number, of: number, level = ONE_SIGMA): Interval {
  check(successes >= 0 && successes <= of, `${successes} successes of ${of}`);
  const tail = (1 - level) / 2;
  if (of === 0) return { value: Number.NaN, low: 0, high: 1 };
  const failures = of - successes;
  return {
    value: successes / of,
    low: successes === 0 ? 0 : whereShare(tail, (p) => betaShare(p, successes, failures + 1), 0, 1),
    high:
      failures === 0 ? 1 : whereShare(1 - tail, (p) => betaShare(p, successes + 1, failures), 0, 1),
  };
}

/** Garwood: the means under which as few, or as many, counts are not rarer than the level says. */
export function poissonInterval(count: number, level = ONE_SIGMA): Interval {
  check(count >= 0, `a count of ${count}`);
  const tail = (1 - level) / 2;
  const most = count + 20 * Math.sqrt(count + 1) + 100;
  return {
    value: count,
    low: count === 0 ? 0 : whereShare(tail, (mean) => gammaShare(mean, count), 0, most),
    high: whereShare(1 - tail, (mean) => gammaShare(mean, count + 1), 0, most),
  };
}

function check(holds: boolean, text: string): void {
  if (!holds) throw new RangeError(`no interval for ${text}`);
}

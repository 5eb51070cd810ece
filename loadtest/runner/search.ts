/** The highest rate that still meets a budget: doubled until it fails, then halved in between. */

export interface Trial {
  readonly perSecond: number;
  readonly met: boolean;
}

export interface SearchLimits {
  /** Tried first. */
  readonly from: number;
  /** Never tried beyond. */
  readonly to: number;
  /** It is over when the bounds are this close: 0.05 for 5 %. */
  readonly precision: number;
  readonly mostTrials: number;
}

/**
 * @param attempt measures at a rate; says whether the budget was met
 * @returns the highest rate that met it, 0 where none did
 */
export async function highestRate(
  limits: SearchLimits,
  attempt: (perSecond: number) => Promise<boolean>,
): Promise<{ readonly perSecond: number; readonly trials: readonly Trial[] }> {
  const trials: Trial[] = [];
  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  const measure = async (perSecond: number) => {
    const met = await attempt(perSecond);
    trials.push({ perSecond, met });
    if (met) good = Math.max(good, perSecond);
    else bad = Math.min(bad, perSecond);
  };
  let rate = limits.from;
  while (trials.length < limits.mostTrials) {
    await measure(rate);
    if (good >= limits.to || (good > 0 && bad / good <= 1 + limits.precision)) break;
    if (good === 0) rate = bad / 2;
    else if (bad === Number.POSITIVE_INFINITY) rate = Math.min(limits.to, good * 2);
    // Between two rates of different size the middle of their logarithms tells most.
    else rate = Math.sqrt(good * bad);
  }
  return { perSecond: good, trials };
}

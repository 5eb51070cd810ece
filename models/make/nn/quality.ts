/** How good a trained network is, on examples it has not seen. */

/** Share of rows whose largest score is that of the true class. */
export function accuracy(
  scores: ArrayLike<number>,
  classes: number,
  truth: ArrayLike<number>,
): number {
  let right = 0;
  for (let row = 0; row < truth.length; row++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      const score = scores[row * classes + c] as number;
      if (score > (scores[row * classes + best] as number)) best = c;
    }
    if (best === truth[row]) right++;
  }
  return right / truth.length;
}

/**
 * Area under the ROC curve: the chance that a signal row scores above a
 * background row, ties counted half (Mann-Whitney).
 */
export function areaUnderCurve(scores: ArrayLike<number>, truth: ArrayLike<number>): number {
  const order = Array.from(truth, (_, i) => i).sort((a, b) => at(scores, a) - at(scores, b));
  let rankSum = 0;
  let signals = 0;
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && at(scores, order[end]) === at(scores, order[start])) end++;
    const rank = (start + 1 + end) / 2; // ties share the mean of their ranks
    for (let k = start; k < end; k++) {
      if (at(truth, order[k]) > 0) {
        rankSum += rank;
        signals++;
      }
    }
    start = end;
  }
  return (rankSum - (signals * (signals + 1)) / 2) / (signals * (truth.length - signals));
}

/**
 * Spread without the tails: half the distance between the 16 % and the 84 %
 * quantile, which for a Gaussian is its standard deviation.
 */
export function effectiveSigma(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const quantile = (q: number) => sorted[Math.floor(q * (sorted.length - 1))] as number;
  return (quantile(0.8413) - quantile(0.1587)) / 2;
}

function at(values: ArrayLike<number>, index: number | undefined): number {
  return values[index ?? 0] as number;
}

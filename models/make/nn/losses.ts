/** Slopes of the usual losses along the network's linear output, averaged over the batch. */

/** Cross-entropy after softmax. `logits` is [rows, classes]; `truth` holds class numbers. */
export function softmaxSlope(
  logits: Float64Array,
  classes: number,
  truth: ArrayLike<number>,
): Float64Array {
  const rows = logits.length / classes;
  const slope = new Float64Array(logits.length);
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    const scores = logits.subarray(at, at + classes);
    const highest = Math.max(...scores);
    let sum = 0;
    for (const score of scores) sum += Math.exp(score - highest);
    for (let c = 0; c < classes; c++) {
      const probability = Math.exp((scores[c] as number) - highest) / sum;
      slope[at + c] = (probability - (truth[row] === c ? 1 : 0)) / rows;
    }
  }
  return slope;
}

/** Cross-entropy after a sigmoid; `truth` is 0 or 1 per logit. */
export function sigmoidSlope(logits: Float64Array, truth: ArrayLike<number>): Float64Array {
  return logits.map((logit, k) => {
    const probability = 1 / (1 + Math.exp(-logit));
    return (probability - (truth[k] as number)) / logits.length;
  });
}

/** Half the squared distance, each value weighted. */
export function squareSlope(
  values: Float64Array,
  truth: ArrayLike<number>,
  weight: (index: number) => number = () => 1,
): Float64Array {
  return values.map((value, k) => (weight(k) * (value - (truth[k] as number))) / values.length);
}

/** Scores of a run against those of a reference, which answered each distinct request once. */
import type { Agreement } from "../../report/schema.ts";

export interface ComparedRequest {
  /** Which of the pool. */
  readonly key: number;
  readonly scores: Float32Array;
}

/**
 * Row by row, over every answer of the run.
 * @param reference by key; undefined where the reference gave no answer
 * @param threshold decisions are compared at; undefined: there are none
 */
export function agreementOf(
  name: string,
  answers: Iterable<ComparedRequest>,
  reference: readonly (Float32Array | undefined)[],
  threshold: number | undefined,
): Agreement {
  const bits = (scores: Float32Array) =>
    new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  let [compared, bitExact, decisionsFlipped, largestDifference] = [0, 0, 0, 0];
  for (const { key, scores } of answers) {
    const other = reference[key];
    if (other === undefined || other.length !== scores.length) continue;
    const [ours, theirs] = [bits(scores), bits(other)];
    for (let row = 0; row < scores.length; row++) {
      const [a = 0, b = 0] = [scores[row], other[row]];
      compared += 1;
      if (ours[row] === theirs[row]) bitExact += 1;
      if (threshold !== undefined && a >= threshold !== b >= threshold) decisionsFlipped += 1;
      const difference = Math.abs(a - b);
      if (difference > largestDifference) largestDifference = difference;
    }
  }
  return { reference: name, compared, bitExact, decisionsFlipped, largestDifference };
}

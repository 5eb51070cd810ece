/** Outputs of one model on two architectures. */
import type { WrittenTensor } from "./answers-file.ts";

/**
 * Largest difference of a float, as a share of the largest value of its tensor. Compilers fuse multiplications
 * and additions differently for each architecture, and sum in another order.
 */
export const TOLERANCE = 1e-5;

/** Largest difference found, as a share of the largest value; 0: the same bits. */
export interface Difference {
  readonly output: string;
  readonly share: number;
}

/** @throws Error naming the output, where one differs by more than the tolerance, or a float is none on one side only */
export function largestDifference(
  expected: readonly WrittenTensor[],
  got: readonly WrittenTensor[],
): Difference {
  if (got.length !== expected.length) {
    throw new Error(`${got.length} outputs instead of ${expected.length}`);
  }
  let largest: Difference = { output: "", share: 0 };
  for (const [i, tensor] of expected.entries()) {
    const share = compare(tensor, got[i] ?? tensor);
    if (share > largest.share) largest = { output: tensor.name, share };
  }
  return largest;
}

function compare(expected: WrittenTensor, got: WrittenTensor): number {
  const kind = ({ name, datatype, shape }: WrittenTensor) => `${name} ${datatype} [${shape}]`;
  if (kind(got) !== kind(expected)) throw new Error(`${kind(got)} instead of ${kind(expected)}`);
  if (got.base64 === expected.base64) return 0;
  if (expected.datatype !== "FP32") {
    throw new Error(`output ${kind(expected)} is not the same; only floats may differ`);
  }
  const share = shareOf(floats(expected), floats(got));
  if (share <= TOLERANCE) return share;
  throw new Error(`output ${kind(expected)} differs by ${share} of its largest value`);
}

function shareOf(expected: Float32Array, got: Float32Array): number {
  let difference = 0;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const other = got[i] ?? Number.NaN;
    if (Object.is(value, other)) continue;
    const apart = Math.abs(value - other);
    if (Number.isNaN(apart)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, apart);
  }
  for (const value of expected) {
    if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  }
  return largest === 0 ? difference : difference / largest;
}

function floats({ base64 }: WrittenTensor): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/**
 * What makes a trigger dead after it accepted: each rule knows the accepts so far
 * and tells whether one more would be too many. None of them is paralysable: what
 * is refused leaves no mark.
 */

export interface DeadTimeRule {
  readonly cause: string;
  /** Whether an accept in this crossing is refused; crossings never go back. */
  dead(bx: number): boolean;
  accept(bx: number): void;
}

/** At most `accepts` in `inBx` consecutive crossings. */
export interface WindowRule {
  readonly accepts: number;
  readonly inBx: number;
}

/** CMS: 1 in 3, 2 in 25 (625 ns), 3 in 100 (2.5 µs), 4 in 240 (6 µs). */
export const CMS_RULES: readonly WindowRule[] = [
  { accepts: 1, inBx: 3 },
  { accepts: 2, inBx: 25 },
  { accepts: 3, inBx: 100 },
  { accepts: 4, inBx: 240 },
];

export function windowRule({ accepts, inBx }: WindowRule): DeadTimeRule {
  // The last `accepts` accepts; the next one overwrites the oldest.
  const last = new Float64Array(accepts).fill(Number.NEGATIVE_INFINITY);
  let oldest = 0;
  return {
    cause: `${accepts} in ${inBx}`,
    dead: (bx) => bx - (last[oldest] as number) < inBx,
    accept(bx) {
      last[oldest] = bx;
      oldest = oldest + 1 === accepts ? 0 : oldest + 1;
    },
  };
}

/** Nothing in the `crossings` after an accept: simple dead time. */
export function spacingRule(crossings: number): DeadTimeRule {
  return { ...windowRule({ accepts: 1, inBx: crossings + 1 }), cause: `spacing ${crossings}` };
}

export interface Bucket {
  /** Accepts it holds. */
  readonly size: number;
  /** It loses one in so many crossings. */
  readonly bx: number;
}

/**
 * A front-end buffer of `size` events that is read out one every `bx` crossings, as
 * the ATLAS central trigger models it: an accept adds `bx` to the level, each
 * crossing takes 1 away, and there is no accept that the bucket cannot hold whole.
 */
export function bucketRule({ size, bx: perAccept }: Bucket): DeadTimeRule {
  const most = (size - 1) * perAccept;
  let level = 0;
  let at = 0;
  const levelAt = (bx: number) => Math.max(0, level - (bx - at));
  return {
    cause: `bucket ${size}/${perAccept}`,
    dead: (bx) => levelAt(bx) > most,
    accept(bx) {
      level = levelAt(bx) + perAccept;
      at = bx;
    },
  };
}

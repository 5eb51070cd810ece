/** Signal kept against background kept, over all thresholds. */

export interface RocPoint {
  /** Kept are scores at or above. */
  readonly threshold: number;
  readonly signal: number;
  readonly background: number;
}

export interface Roc {
  /** Chance that a signal scores above a background, ties counted half. */
  readonly area: number;
  readonly points: readonly RocPoint[];
}

/**
 * @param signal 1 signal, 0 background; NaN scores take no part
 * @param most points that are given back, spread over the curve
 * @returns undefined where one of the two is missing
 */
export function rocOf(scores: Float32Array, signal: Uint8Array, most = 500): Roc | undefined {
  const order = Uint32Array.from(scores.keys())
    .filter((at) => !Number.isNaN(scores[at]))
    .sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const signals = order.reduce((sum, at) => sum + (signal[at] as number), 0);
  const backgrounds = order.length - signals;
  if (signals === 0 || backgrounds === 0) return undefined;
  const points: RocPoint[] = [];
  let [kept, passed, area] = [0, 0, 0];
  for (let at = 0; at < order.length; ) {
    const threshold = scores[order[at] as number] as number;
    const [keptBefore, passedBefore] = [kept, passed];
    // Equal scores are one step: no threshold parts them.
    for (; at < order.length && scores[order[at] as number] === threshold; at++) {
      if (signal[order[at] as number] === 1) kept += 1;
      else passed += 1;
    }
    area += ((passed - passedBefore) * (kept + keptBefore)) / 2;
    points.push({ threshold, signal: kept / signals, background: passed / backgrounds });
  }
  return { area: area / (signals * backgrounds), points: thinned(points, most) };
}

/** Evenly along the curve's own length: its steep start keeps its points. */
function thinned(points: readonly RocPoint[], most: number): RocPoint[] {
  if (points.length <= most) return [...points];
  const kept: RocPoint[] = [];
  let step = -1;
  for (const [at, point] of points.entries()) {
    const along = Math.floor(((point.signal + point.background) / 2) * (most - 2));
    if (along === step && at !== points.length - 1) continue;
    step = along;
    kept.push(point);
  }
  return kept;
}

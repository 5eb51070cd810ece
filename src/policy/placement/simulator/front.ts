/** The states of a search that no other state beats. */

/** Parallel lists: rows finished so far, rows that wait for A, rows that wait for B. */
export interface Points {
  readonly finished: number[];
  readonly waitingA: number[];
  readonly waitingB: number[];
}

/** Points of which none beats another. */
export type Front = Points;

/**
 * Leaves out each point that another one beats: one whose lead in finished rows is at least the number of waiting
 * rows that it lacks, for A and B together. Said without cases: it is no less in each of finished,
 * finished + waitingA, finished + waitingB, and finished + both.
 */
export function frontOf(points: Points): Front {
  const { finished, waitingA, waitingB } = points;
  const at = (list: readonly number[], index: number) => list[index] as number;
  const all = (index: number) => at(finished, index) + at(waitingA, index) + at(waitingB, index);
  const order = Array.from(finished.keys()).sort(
    (left, right) =>
      all(right) - all(left) ||
      at(waitingA, left) - at(waitingA, right) ||
      at(waitingB, left) - at(waitingB, right),
  );
  const front: Front = { finished: [], waitingA: [], waitingB: [] };
  /** Least `waitingB` of the points so far with the same sum: where sums are equal, less waits means more finished. */
  let leastB = Number.POSITIVE_INFINITY;
  let sum = Number.NaN;
  let sumsBefore = 0;
  for (const index of order) {
    if (all(index) !== sum) {
      sum = all(index);
      leastB = Number.POSITIVE_INFINITY;
      sumsBefore = front.finished.length;
    }
    const b = at(waitingB, index);
    if (b >= leastB) continue;
    leastB = b;
    if (isBeaten(front, sumsBefore, at(finished, index), at(waitingA, index), b)) continue;
    front.finished.push(at(finished, index));
    front.waitingA.push(at(waitingA, index));
    front.waitingB.push(b);
  }
  return front;
}

/** By one of the first `count` points, whose sums are larger. */
function isBeaten(front: Front, count: number, rows: number, a: number, b: number): boolean {
  for (let index = 0; index < count; index += 1) {
    const finished = front.finished[index] as number;
    if (
      finished >= rows &&
      finished + (front.waitingA[index] as number) >= rows + a &&
      finished + (front.waitingB[index] as number) >= rows + b
    ) {
      return true;
    }
  }
  return false;
}

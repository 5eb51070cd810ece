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
export function frontOf({ finished, waitingA, waitingB }: Points): Front {
  const at = (list: readonly number[], index: number) => list[index] as number;
  const all = (index: number) => at(finished, index) + at(waitingA, index) + at(waitingB, index);
  const order = Array.from(finished.keys()).sort(
    (left, right) =>
      all(right) - all(left) ||
      at(finished, right) - at(finished, left) ||
      at(waitingA, right) - at(waitingA, left),
  );
  const front: Front = { finished: [], waitingA: [], waitingB: [] };
  for (const index of order) {
    const [rows, a, b] = [at(finished, index), at(waitingA, index), at(waitingB, index)];
    let beaten = false;
    // All kept ones are no less in the whole sum, which orders them.
    for (let kept = front.finished.length - 1; kept >= 0 && !beaten; kept -= 1) {
      const keptRows = at(front.finished, kept);
      beaten =
        keptRows >= rows &&
        keptRows + at(front.waitingA, kept) >= rows + a &&
        keptRows + at(front.waitingB, kept) >= rows + b;
    }
    if (beaten) continue;
    front.finished.push(rows);
    front.waitingA.push(a);
    front.waitingB.push(b);
  }
  return front;
}

/** Whether what several processes did to one record could have happened one after the other. */
import { expect } from "../cases.ts";

export interface Operation {
  readonly id: string;
  readonly model: string;
  /** ms, on one clock for all processes. */
  readonly began: number;
  readonly ended: number;
  /** Generation that it was made from. */
  readonly expected: number;
  /** The generation that it made; absent: it was lost. */
  readonly committed?: number;
  /** Id of the operation whose result it was made from. */
  readonly previous?: string;
  /** The generation that was there instead. */
  readonly lostTo?: number;
}

/**
 * Of one model. As generations order the commits, three things remain to be shown: each was made from the one
 * before, the order is that of real time, and losers lost to something that was there.
 * @throws Error naming the operations that contradict each other
 */
export function checkLinearizable(operations: readonly Operation[]): void {
  const commits = operations
    .filter(({ committed }) => committed !== undefined)
    .toSorted((a, b) => (a.committed ?? 0) - (b.committed ?? 0));
  let latestBegin = Number.NEGATIVE_INFINITY;
  commits.forEach((commit, at) => {
    const { id, committed, expected, previous, ended, began } = commit;
    expect(committed === at + 1, `${id} made generation ${committed}, ${at + 1} was next`);
    expect(expected === at, `${id} made generation ${committed} from ${expected}`);
    const before = commits[at - 1]?.id ?? "";
    expect(previous === before, `${id} was made from '${previous}', not from '${before}'`);
    expect(ended > latestBegin, `${id} ended before an operation of a lower generation began`);
    latestBegin = Math.max(latestBegin, began);
  });
  for (const { id, lostTo, expected, began, ended } of operations) {
    if (lostTo === undefined) continue;
    const winner = commits[lostTo - 1];
    expect(winner !== undefined, `${id} lost to generation ${lostTo}, which nobody made`);
    expect(lostTo > expected, `${id} lost to generation ${lostTo}, made from ${expected}`);
    expect(winner.began < ended, `${id} lost to ${winner.id} before that began`);
    const next = commits[lostTo];
    expect(
      next === undefined || next.ended > began,
      `${id} was told generation ${lostTo} when ${next?.id ?? ""} had made the next one`,
    );
  }
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type OptimumQuestion, offlineOptimum } from "./offline-optimum.ts";

/** Every choice tried, board by board and row by row, serving less than possible included. */
function byExhaustion(question: OptimumQuestion): number {
  const { arrivals, rowsPerSlot, boards, switchSlots, patienceSlots } = question;
  const slots = arrivals[0].length;
  type Board = { readonly holds: 0 | 1; readonly readyAt: number };
  /** Rows that wait, per bitstream and slot of arrival. */
  type Waiting = readonly [readonly number[], readonly number[]];

  function fromSlot(slot: number, all: readonly Board[], waiting: Waiting): number {
    if (slot === slots) return 0;
    const arrived = waiting.map((rows, bitstream) => [
      ...rows,
      arrivals[bitstream as 0 | 1][slot] ?? 0,
    ]) as unknown as Waiting;
    let best = 0;
    for (let choice = 0; choice < 2 ** all.length; choice += 1) {
      const next = all.map((board, index): Board => {
        const flips = (choice >> index) & 1;
        return flips === 0
          ? board
          : { holds: board.holds === 0 ? 1 : 0, readyAt: slot + switchSlots };
      });
      const legal = all.every(
        (board, index) => board.readyAt <= slot || ((choice >> index) & 1) === 0,
      );
      if (!legal) continue;
      const most = [0, 1].map(
        (bitstream) =>
          next.filter(({ holds, readyAt }) => holds === bitstream && readyAt <= slot).length *
          (rowsPerSlot[bitstream as 0 | 1] as number),
      );
      for (let a = 0; a <= (most[0] as number); a += 1) {
        for (let b = 0; b <= (most[1] as number); b += 1) {
          const restA = take(arrived[0], a, slot);
          const restB = take(arrived[1], b, slot);
          if (restA === undefined || restB === undefined) continue;
          best = Math.max(best, a + b + fromSlot(slot + 1, next, [restA, restB]));
        }
      }
    }
    return best;
  }

  /** Without the `count` oldest rows that are not too old; undefined: there are not so many. */
  function take(rows: readonly number[], count: number, slot: number): number[] | undefined {
    const rest = [...rows];
    let left = count;
    for (const [arrived, waiting] of rest.entries()) {
      if (slot - arrived >= (patienceSlots ?? Number.POSITIVE_INFINITY)) continue;
      const taken = Math.min(left, waiting);
      rest[arrived] = waiting - taken;
      left -= taken;
    }
    return left === 0 ? rest : undefined;
  }

  const all = [0, 1].flatMap((holds) =>
    Array.from(
      { length: boards[holds as 0 | 1] },
      (): Board => ({ holds: holds as 0 | 1, readyAt: 0 }),
    ),
  );
  return fromSlot(0, all, [[], []]);
}

describe("the offline optimum", () => {
  it("never switches where a switch costs more than it brings", () => {
    const question = { rowsPerSlot: [1, 1], boards: [1, 0], switchSlots: 3 } as const;
    expect(offlineOptimum({ ...question, arrivals: [[1, 1, 1, 1], [9]] }).rows).toBe(4);
  });

  it("switches before the demand is there, as nobody else could", () => {
    const arrivals = [
      [0, 0, 0, 0],
      [0, 0, 0, 5],
    ] as const;
    const question = { arrivals, rowsPerSlot: [5, 5], boards: [1, 0], switchSlots: 3 } as const;
    expect(offlineOptimum({ ...question, patienceSlots: 1 }).rows).toBe(5);
    expect(offlineOptimum({ ...question, switchSlots: 4 }).rows).toBe(0);
  });

  const arrivalsOf = (slots: number) =>
    fc.array(fc.constantFrom(0, 0, 1, 2, 3), { minLength: slots, maxLength: slots });
  const questionOf = (slots: number, boards: readonly (readonly [number, number])[]) =>
    fc.record({
      arrivals: fc.tuple(arrivalsOf(slots), arrivalsOf(slots)),
      rowsPerSlot: fc.constantFrom([1, 1], [2, 1], [1, 2]) as fc.Arbitrary<[number, number]>,
      boards: fc.constantFrom(...boards),
      switchSlots: fc.integer({ min: 1, max: 3 }),
      patienceSlots: fc.constantFrom(1, 2, 3, 100),
    });

  it("is what trying everything finds, with one board", () => {
    const oneBoard = [
      [1, 0],
      [0, 1],
    ] as const;
    fc.assert(
      fc.property(questionOf(6, oneBoard), (question) => {
        expect(offlineOptimum(question).rows).toBe(byExhaustion(question));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it("is what trying everything finds, with two boards", () => {
    const twoBoards = [
      [2, 0],
      [1, 1],
    ] as const;
    fc.assert(
      fc.property(questionOf(4, twoBoards), (question) => {
        expect(offlineOptimum(question).rows).toBe(byExhaustion(question));
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});

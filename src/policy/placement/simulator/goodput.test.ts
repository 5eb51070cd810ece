import { describe, expect, it } from "vitest";
import { placement } from "../placement.ts";
import { DEFAULT_RULES } from "../rules.ts";
import {
  adversary,
  bursts,
  dominantAndTrickle,
  poissonBoth,
  type Scale,
  squareWave,
  type Trace,
} from "./traces.ts";
import { judge, type Trial } from "./trial.ts";
import type { Arrivals } from "./world.ts";

/** Name, demand, slots after which rows are lost (absent: never). */
type Case = readonly [string, Trace | Arrivals, number?];

function demandsOf(scale: Scale): Case[] {
  return [
    ["square wave, period 2 C, load 0.8", squareWave(scale, 0.8, 6)],
    ["square wave, period 7 C, load 0.8", squareWave(scale, 0.8, 20)],
    ["square wave, period 20 C, load 0.8", squareWave(scale, 0.8, 60)],
    ["square wave, period 20 C, load 1.2", squareWave(scale, 1.2, 60)],
    ["square wave, period 67 C, load 1.5", squareWave(scale, 1.5, 200)],
    ["bursts of 20 slots, load 0.6", bursts(scale, 0.6, 20, 1)],
    ["bursts of 5 slots, load 0.8", bursts(scale, 0.8, 5, 2)],
    ["Poisson 0.3 + 0.3", poissonBoth(scale, [0.3, 0.3], 3)],
    ["Poisson 0.45 + 0.45", poissonBoth(scale, [0.45, 0.45], 4)],
    ["Poisson 0.7 + 0.2", poissonBoth(scale, [0.7, 0.2], 5)],
    ["Poisson 0.8 + 0.8", poissonBoth(scale, [0.8, 0.8], 6)],
    ["dominant 0.9 + trickle", dominantAndTrickle(scale, 0.9, 7)],
    ["dominant 1.2 + trickle", dominantAndTrickle(scale, 1.2, 7)],
    ["flips when a switch begins, load 0.8", adversary(scale, 0.8, true)],
    ["flips when a switch ends, load 0.8", adversary(scale, 0.8, false)],
    ["square wave, period 7 C, load 0.8, lost after 4 C", squareWave(scale, 0.8, 20), 12],
    ["square wave, period 40 C, load 0.8, lost after 3.3 C", squareWave(scale, 0.8, 120), 10],
    ["bursts of 20 slots, load 0.6, lost after 13 C", bursts(scale, 0.6, 20, 1), 40],
    ["Poisson 0.3 + 0.3, lost after 10 C", poissonBoth(scale, [0.3, 0.3], 3), 30],
    ["flips when a switch begins, load 0.8, lost after 4 C", adversary(scale, 0.8, true), 12],
  ];
}

const trials: readonly (readonly [string, Trial])[] = [
  ["1 board", { boards: 1, slotMs: 500, slots: 600, switchSlots: 3, rowsPerSlot: [10, 10] }],
  [
    "1 board, rows of B cost twice as much, goodput in ms of the board",
    { boards: 1, slotMs: 500, slots: 600, switchSlots: 3, rowsPerSlot: [10, 5], inBoardTime: true },
  ],
  ["5 boards", { boards: 5, slotMs: 500, slots: 200, switchSlots: 3, rowsPerSlot: [4, 4] }],
];

for (const [title, trial] of trials) {
  const { boards, slotMs, slots, switchSlots, rowsPerSlot } = trial;
  const capacity = [boards * rowsPerSlot[0], boards * rowsPerSlot[1]] as const;
  const switchMs = switchSlots * slotMs;
  const mostSwaps =
    boards * (1 + Math.floor((slots * slotMs) / (switchMs * (1 + DEFAULT_RULES.minDwellFactor))));
  const { agedMs, agedFactor, lookaheadFactor } = DEFAULT_RULES;
  const turnMs = (1 + lookaheadFactor) * switchMs;
  const longestTrickleMs = Math.max(agedMs, agedFactor * switchMs) + turnMs + switchMs;

  describe(`goodput and swaps with ${title}, C = ${switchMs} ms, ${(slots * slotMs) / 1_000} s`, () => {
    for (const [name, demand, patienceSlots] of demandsOf({ slots, capacity })) {
      const patience = patienceSlots === undefined ? {} : { patienceSlots };
      const { optimum, finished, outcome, ratio } = judge(
        { ...trial, ...patience },
        demand,
        placement(),
      );
      const figures = [
        name.padEnd(54),
        `optimum ${optimum}`,
        `placement ${finished}`,
        `ratio ${ratio.toFixed(3)}`,
        `swaps ${outcome.swaps} of at most ${mostSwaps}`,
      ];
      it(figures.join(" | "), () => {
        expect(ratio).toBeGreaterThanOrEqual(0.8);
        expect(ratio).toBeLessThanOrEqual(1);
        if (name.includes("trickle")) {
          expect(outcome.variants[1]?.longestWaitMs).toBeLessThanOrEqual(longestTrickleMs);
        }
        for (const swaps of outcome.swapsOf.values()) {
          expect(swaps).toBeLessThanOrEqual(mostSwaps / boards);
        }
      });
    }
  });
}

/** How long a board is left with what it got. */
import type { Board } from "./board.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";

/** When the board may be taken from what it holds even if that has work and nothing is gained, monotonic ms. */
export function keptUntilMs({ view, switchMs }: Board, rules: PlacementRules): number {
  return view.sinceMs + Math.max(rules.minDwellMs, rules.lookaheadFactor * switchMs);
}

/** ms until the board may be taken from what it holds although nothing is gained. */
export function owedInMs(plan: Plan, board: Board, rules: PlacementRules): number {
  return (
    (hasWork(plan, board) ? keptUntilMs(board, rules) : dwellsUntilMs(board, rules)) - plan.now
  );
}

/** It may be taken from what it holds where that brings more than it costs. */
export function hasDwelt({ now }: Plan, board: Board, rules: PlacementRules): boolean {
  return board.holds === undefined || now >= dwellsUntilMs(board, rules);
}

function dwellsUntilMs({ view, switchMs }: Board, rules: PlacementRules): number {
  return view.sinceMs + minDwellMs(switchMs, rules);
}

/** The shortest time that a board keeps what it got, ms. */
export function minDwellMs(switchMs: number, rules: PlacementRules): number {
  return Math.max(rules.minDwellMs, rules.minDwellFactor * switchMs);
}

/** Rows wait for what it holds. */
export function hasWork(plan: Plan, board: Board): boolean {
  return plan.servedBy(board).some(({ waitingRows }) => waitingRows > 0);
}

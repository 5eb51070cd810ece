/** What a board's time is worth, in ms of useful work: the two sides of the question whether to switch it. */
import type { Board } from "./board.ts";
import { isLent } from "./fits.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView } from "./views.ts";

/** What waits for the demand, in ms of one board, at its benefit. */
export function waitingWork({ waitingRows, msPerRow, benefit = 1 }: DemandView): number {
  return waitingRows * msPerRow * benefit;
}

/** What `board` does for what it holds within the look-ahead and the other boards of that do not do in its place. */
export function lossMs(plan: Plan, board: Board, rules: PlacementRules): number {
  const served = plan.servedBy(board);
  const horizonMs = horizonOf(board, rules);
  return extraWork(plan, served, board, horizonMs, horizonMs);
}

/** What `board`, once it is loaded, would do for the demand within the look-ahead that its other boards do not. */
export function gainMs(
  plan: Plan,
  board: Board,
  demand: DemandView,
  rules: PlacementRules,
): number {
  const horizonMs = horizonOf(board, rules);
  const served = plan.demandsFor(demand.variant).filter((each) => isLent(board.view, each));
  return extraWork(plan, served, board, horizonMs, horizonMs - board.switchMs);
}

/** Work that `board`, with `ownMs` of its time, does beyond what the other boards of these demands can do. */
function extraWork(
  plan: Plan,
  demands: readonly DemandView[],
  board: Board,
  horizonMs: number,
  ownMs: number,
): number {
  let work = 0;
  let benefit = 0;
  const others = new Set<Board>();
  for (const demand of demands) {
    const arriving = (demand.arrivalRowsPerS * horizonMs) / 1_000;
    work += (demand.waitingRows + arriving) * demand.msPerRow;
    benefit = Math.max(benefit, demand.benefit ?? 1);
    for (const holder of plan.holders(demand)) if (holder !== board) others.add(holder);
  }
  let othersMs = 0;
  for (const other of others) othersMs += horizonMs - untilLoadedMs(plan, other);
  return benefit * (Math.min(othersMs + ownMs, work) - Math.min(othersMs, work));
}

function untilLoadedMs({ now }: Plan, { view, holds, switchMs }: Board): number {
  if (holds !== view.resident) return switchMs;
  if (view.state !== "loading") return 0;
  return Math.max(0, view.sinceMs + switchMs - now);
}

/** How far work is looked ahead, ms. */
export function horizonOf({ switchMs }: Board, { lookaheadFactor }: PlacementRules): number {
  return (lookaheadFactor + 1) * switchMs;
}

/**
 * Switches that bring more than they cost: the work that the board would do for the demand within the look-ahead, less
 * that which it would have done for what it holds, is worth the switch there and back.
 */

import type { Board } from "./board.ts";
import type { Contest } from "./contest.ts";
import { hasDwelt, hasWork } from "./dwell.ts";
import type { Plan } from "./plan.ts";
import { reluctance } from "./reluctance.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView, LoadReason } from "./views.ts";
import { gainMs, lossMs, waitingWork } from "./worth.ts";

interface Proposal {
  readonly board: Board;
  readonly demand: DemandView;
  readonly reason: LoadReason;
  /** Gain less loss. */
  readonly netMs: number;
}

/** The best switch, then the best of those that are left, while there is one. */
export function switchWhatIsWorthIt(plan: Plan, contest: Contest, rules: PlacementRules): void {
  let best = bestSwitch(plan, contest, rules);
  while (best !== undefined) {
    plan.load(best.board, best.demand, best.reason);
    best = bestSwitch(plan, contest, rules);
  }
}

function bestSwitch(plan: Plan, contest: Contest, rules: PlacementRules): Proposal | undefined {
  const losses = new Map(plan.boards.map((board) => [board, lossMs(plan, board, rules)]));
  let best: Proposal | undefined;
  for (const demand of plan.demands) {
    // A single request never flips a board.
    if ((demand.waitingRequests ?? demand.waitingRows) < 2) continue;
    const candidates = plan.candidates(demand);
    const empty = candidates.filter(({ holds }) => holds === undefined);
    for (const board of empty.length > 0 ? empty : candidates) {
      if (!hasDwelt(plan, board, rules) || !contest.spares(board, demand)) continue;
      const netMs = gainMs(plan, board, demand, rules) - (losses.get(board) ?? 0);
      const reason = reasonToSwitch(plan, board, demand, netMs, rules);
      if (reason === undefined) continue;
      const closer =
        best?.demand === demand &&
        netMs === best.netMs &&
        reluctance(board, demand) < reluctance(best.board, demand);
      if (best === undefined || netMs > best.netMs || closer) {
        best = { board, demand, reason, netMs };
      }
    }
  }
  return best;
}

function reasonToSwitch(
  plan: Plan,
  board: Board,
  demand: DemandView,
  netMs: number,
  rules: PlacementRules,
): LoadReason | undefined {
  const marginMs = rules.marginFactor * board.switchMs;
  if (waitingWork(demand) >= marginMs && netMs >= marginMs) {
    return board.holds === undefined ? "free" : "worth";
  }
  const patient = demand.oldestWaitMs >= rules.idlePatienceFactor * board.switchMs;
  return patient && netMs > 0 && !hasWork(plan, board) ? "idle" : undefined;
}

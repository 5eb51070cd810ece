/** Switches that bring more than they cost. */

import type { Board } from "./board.ts";
import { hasDwelt, hasWork } from "./dwell.ts";
import type { Plan } from "./plan.ts";
import { reluctance } from "./reluctance.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView, LoadReason } from "./views.ts";
import { netGainMs, waitingWork } from "./worth.ts";

interface Proposal {
  readonly board: Board;
  readonly demand: DemandView;
  readonly reason: LoadReason;
  readonly netMs: number;
}

/** The best switch, then the best of those that are left, while there is one. */
export function switchWhatIsWorthIt(plan: Plan, rules: PlacementRules): void {
  let best = bestSwitch(plan, rules);
  while (best !== undefined) {
    plan.load(best.board, best.demand, best.reason);
    best = bestSwitch(plan, rules);
  }
}

function bestSwitch(plan: Plan, rules: PlacementRules): Proposal | undefined {
  let best: Proposal | undefined;
  for (const demand of plan.demands) {
    // A single request never flips a board.
    if ((demand.waitingRequests ?? demand.waitingRows) < 2) continue;
    const candidates = plan.candidates(demand);
    const empty = candidates.filter(({ holds }) => holds === undefined);
    for (const board of empty.length > 0 ? empty : candidates) {
      const reason = reasonToSwitch(plan, board, demand, rules);
      if (reason === undefined) continue;
      const netMs = netGainMs(plan, board, demand, rules);
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
  rules: PlacementRules,
): LoadReason | undefined {
  if (!hasDwelt(plan, board, rules)) return undefined;
  const netMs = netGainMs(plan, board, demand, rules);
  const marginMs = rules.marginFactor * board.switchMs;
  if (waitingWork(demand) >= marginMs && netMs >= marginMs) {
    return board.holds === undefined ? "free" : "worth";
  }
  const patient = demand.oldestWaitMs >= rules.idlePatienceFactor * board.switchMs;
  return patient && netMs > 0 && !hasWork(plan, board) ? "idle" : undefined;
}

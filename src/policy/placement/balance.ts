/** Work that is spread unevenly over boards. */
import type { Board } from "./board.ts";
import type { Contest } from "./contest.ts";
import { hasWork, owedInMs } from "./dwell.ts";
import { least } from "./least.ts";
import type { Plan } from "./plan.ts";
import { reluctance } from "./reluctance.ts";
import type { PlacementRules } from "./rules.ts";
import { lossMs, waitingWork } from "./worth.ts";

/**
 * A demand whose work per board, with one board more, would still be much longer than that of another with one less
 * gets this one. Nothing need be gained in rows; but nobody waits for minutes beside a board that has seconds to do.
 */
export function balance(plan: Plan, contest: Contest, rules: PlacementRules): void {
  for (const demand of plan.demands) {
    if ((demand.waitingRequests ?? demand.waitingRows) < 2) continue;
    const shareMs = waitingWork(demand) / (plan.holders(demand).length + 1);
    const candidates = plan.candidates(demand).filter((board) => contest.spares(board, demand));
    const empty = candidates.filter(({ holds }) => holds === undefined);
    const shorter = (empty.length > 0 ? empty : candidates).filter((board) => {
      if (board.holds !== undefined && owedInMs(plan, board, rules) > 0) return false;
      const restMs = shareWithoutMs(plan, board, rules) * (1 + rules.balanceFraction);
      return shareMs >= restMs + rules.marginFactor * board.switchMs;
    });
    const board = least(shorter, (each) => reluctance(each, demand));
    if (board === undefined) continue;
    plan.load(board, demand, board.holds === undefined ? "free" : "balance");
  }
}

/** What each of the other boards would have to do of the work that this one shares; its last board is not taken from work. */
function shareWithoutMs(plan: Plan, board: Board, rules: PlacementRules): number {
  const served = plan.servedBy(board);
  const [first] = served;
  if (first === undefined) return 0;
  const others = plan.holders(first).length - 1;
  if (others === 0)
    return hasWork(plan, board) ? Number.POSITIVE_INFINITY : lossMs(plan, board, rules);
  return served.reduce((sum, each) => sum + waitingWork(each), 0) / others;
}

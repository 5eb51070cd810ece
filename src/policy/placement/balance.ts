/** Work that is spread unevenly over boards which all have work. */
import { owedInMs } from "./dwell.ts";
import { least } from "./least.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";
import { waitingWork } from "./worth.ts";

/**
 * A demand whose work per board, with one board more, would still be longer than that of another with one less
 * gets this one. Nothing is gained in rows; but nobody waits for minutes beside somebody who waits for seconds.
 */
export function balance(plan: Plan, rules: PlacementRules): void {
  for (const demand of plan.demands) {
    if ((demand.waitingRequests ?? demand.waitingRows) < 2) continue;
    const shareMs = waitingWork(demand) / (plan.holders(demand).length + 1);
    const even = plan.candidates(demand).filter((board) => {
      const [first] = plan.servedBy(board);
      if (first === undefined || owedInMs(plan, board, rules) > 0) return false;
      const left = plan.holders(first).length - 1;
      const restMs = plan.servedBy(board).reduce((sum, each) => sum + waitingWork(each), 0) / left;
      return (
        left > 0 &&
        shareMs >= restMs * (1 + rules.balanceFraction) + rules.marginFactor * board.switchMs
      );
    });
    const board = least(even, (each) => each.switchMs);
    if (board !== undefined) plan.load(board, demand, "balance");
  }
}

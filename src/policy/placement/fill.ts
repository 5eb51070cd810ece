/** Boards for who has none or too few of them, whatever it is worth. */
import { hasDwelt } from "./dwell.ts";
import { least } from "./least.ts";
import type { Plan } from "./plan.ts";
import { reluctance } from "./reluctance.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView } from "./views.ts";
import { lossMs } from "./worth.ts";

/** Empty boards go to rows with nowhere to run, oldest first, then to minimums. */
export function fillEmpty(plan: Plan): void {
  const byAge = [...plan.demands].sort((a, b) => b.oldestWaitMs - a.oldestWaitMs);
  for (const demand of byAge) {
    if (demand.waitingRows > 0 && plan.holders(demand).length === 0) fillOne(plan, demand);
  }
  for (const demand of byAge) {
    while (plan.holders(demand).length < (demand.minInstances ?? 0)) {
      if (!fillOne(plan, demand)) break;
    }
  }
}

function fillOne(plan: Plan, demand: DemandView): boolean {
  const empty = plan.candidates(demand).filter(({ holds }) => holds === undefined);
  const board = least(empty, (each) => reluctance(each, demand));
  if (board !== undefined) plan.load(board, demand, "free");
  return board !== undefined;
}

/** What is left of the minimums takes the boards that are missed least. */
export function fillMinimum(plan: Plan, rules: PlacementRules): void {
  for (const demand of plan.demands) {
    while (plan.holders(demand).length < (demand.minInstances ?? 0)) {
      const dwelt = plan.candidates(demand).filter((board) => hasDwelt(plan, board, rules));
      const board = least(dwelt, (each) => lossMs(plan, each, rules) + each.switchMs);
      if (board === undefined) break;
      plan.load(board, demand, "minimum");
    }
  }
}

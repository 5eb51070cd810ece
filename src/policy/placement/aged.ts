/** No starvation: rows with nowhere to run get a board at a bounded age, worth it or not. */
import type { Board } from "./board.ts";
import type { Contest } from "./contest.ts";
import { keptUntilMs, owedInMs } from "./dwell.ts";
import { least } from "./least.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView } from "./views.ts";
import { lossMs } from "./worth.ts";

/** The board that is missed least of those that have dwelt. */
export function serveAged(plan: Plan, contest: Contest, rules: PlacementRules): void {
  for (const demand of agedAndNowhere(plan, rules)) {
    const all = plan.candidates(demand);
    // Who is promised nothing waits longer, and is not forgotten.
    const candidates = isLost(demand, all, rules)
      ? all
      : all.filter((board) => contest.isNext(board, demand));
    const now = candidates.filter((board) => owedInMs(plan, board, rules) <= 0);
    const board = least(now, (each) => lossMs(plan, each, rules) + each.switchMs);
    if (board !== undefined) {
      plan.load(board, demand, "aged");
      continue;
    }
    // The next to have dwelt is kept for it, as another switch would begin a new dwell. Whether it has
    // work may change meanwhile: the longer dwell decides, so that always the same one is kept.
    const next = least(candidates, (each) => keptUntilMs(each, rules));
    if (next !== undefined) next.taken = true;
  }
}

/** The demands whose rows have nowhere to run and are old enough, in the order of their turns. */
export function agedAndNowhere(plan: Plan, rules: PlacementRules): DemandView[] {
  return plan.demands
    .filter((demand) => {
      if (demand.waitingRows === 0 || plan.holders(demand).length > 0) return false;
      const costMs = least(plan.candidates(demand), ({ switchMs }) => switchMs)?.switchMs ?? 0;
      return demand.oldestWaitMs >= Math.max(rules.agedMs, rules.agedFactor * costMs);
    })
    .sort((a, b) => turnOf(b) - turnOf(a));
}

/** Nobody who is owed more keeps it waiting any longer. */
function isLost(demand: DemandView, boards: readonly Board[], rules: PlacementRules): boolean {
  const costMs = least(boards, ({ switchMs }) => switchMs)?.switchMs ?? 0;
  const lostMs = Math.max(2 * rules.agedMs, rules.longestRoundFactor * costMs);
  return turnOf(demand) >= lostMs;
}

const turnOf = ({ nowhereMs, oldestWaitMs }: DemandView): number => nowhereMs ?? oldestWaitMs;

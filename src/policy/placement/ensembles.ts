/** Keeps the steps of an ensemble inside one link group. */
import { agedAndNowhere } from "./aged.ts";
import type { Plan } from "./plan.ts";
import type { PlacementRules } from "./rules.ts";

/** Steps of an ensemble whose home is elsewhere leave their boards, as after a board came back into service. */
export function bringHome(plan: Plan): void {
  for (const board of plan.boards) {
    if (!board.taken && plan.isStranded(board)) plan.unload(board, "stranded");
  }
}

/**
 * An ensemble of which a step is aged and cannot run in its link group, while all could in another one, leaves it:
 * all its boards are emptied at once, or it would be in two.
 */
export function moveEnsembles(plan: Plan, rules: PlacementRules): void {
  for (const demand of agedAndNowhere(plan, rules)) {
    const home = plan.homeOf(demand);
    if (home === undefined || demand.group === undefined) continue;
    if (plan.boardsThatCouldHold(demand, home).length > 0) continue;
    if (plan.otherHomes(demand).length === 0) continue;
    const steps = plan.stepsOf(demand.group);
    const boards = plan.boards.filter(
      ({ holds, linkGroup }) => linkGroup === home && holds !== undefined && steps.has(holds),
    );
    if (boards.some(({ view, taken }) => taken || view.state !== "ready")) continue;
    for (const board of boards) plan.unload(board, "moving");
  }
}

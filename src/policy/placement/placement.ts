/**
 * Which variant sits on which device. A switch takes a device out of service for seconds, so no request causes
 * one by itself: it takes waiting work that is worth more than the switch costs, or age.
 *
 * In this order, a board being given away once at most:
 * 1. Steps of an ensemble that are not in its link group leave their boards; an ensemble that cannot go on in
 *    its link group leaves it as a whole.
 * 2. What has nowhere to run, or less than its minimum, gets empty boards.
 * 3. Tenants that have less than their part of the boards get what others were lent, or had for their turn.
 * 4. What has nowhere to run and is aged gets the board that misses it least, as soon as that has dwelt.
 * 5. What has less than its minimum gets a board of somebody else.
 * 6. What waits and is worth a switch gets the board that gains most by it.
 * 7. Work that is spread unevenly over boards is spread again.
 *
 * By 4 a tenant takes nothing from one who is owed more, for as long as that may last; by 6 and 7 nothing that
 * another one needs who has no more than his part.
 *
 * Bounds, with C the cost of a switch, per device: a device is switched at most once in C + minimum dwell.
 * Rows of a variant with nowhere to run that is placeable wait at most
 * aged + (n - 1) * (C + lookahead) + C, where n variants compete for its boards and none of them is pinned there.
 */
import { serveAged } from "./aged.ts";
import { balance } from "./balance.ts";
import { Contest } from "./contest.ts";
import { giveWhatIsDue } from "./due.ts";
import { bringHome, moveEnsembles } from "./ensembles.ts";
import { fillEmpty, fillMinimum } from "./fill.ts";
import { Plan } from "./plan.ts";
import { DEFAULT_RULES, type PlacementRules } from "./rules.ts";
import type { Placement } from "./views.ts";
import { switchWhatIsWorthIt } from "./worthwhile.ts";

export function placement(given: Partial<PlacementRules> = {}): Placement {
  const rules = { ...DEFAULT_RULES, ...given };
  return {
    decide(devices, demands, now, standings = []) {
      const plan = new Plan(devices, demands, now, rules);
      const contest = new Contest(plan, standings, rules);
      bringHome(plan);
      moveEnsembles(plan, rules);
      fillEmpty(plan);
      giveWhatIsDue(plan, contest, rules);
      serveAged(plan, contest, rules);
      fillMinimum(plan, rules);
      switchWhatIsWorthIt(plan, contest, rules);
      balance(plan, contest, rules);
      return plan.actions;
    },
  };
}

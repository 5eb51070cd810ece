/**
 * Which variant sits on which device. A switch takes a device out of service for seconds, so no request causes
 * one by itself: it takes waiting work that is worth more than the switch costs, or age.
 *
 * In this order, a board being given away once at most:
 * 1. Steps of an ensemble that are not in its link group leave their boards; an ensemble that cannot go on in
 *    its link group leaves it as a whole.
 * 2. What has nowhere to run, or less than its minimum, gets empty boards.
 * 3. What has nowhere to run and is aged gets the board that misses it least, as soon as that has dwelt.
 * 4. What has less than its minimum gets a board of somebody else.
 * 5. What waits and is worth a switch gets the board that gains most by it.
 * 6. Work that is spread unevenly over boards which all have work is spread again.
 *
 * Bounds, with C the cost of a switch, per device: a device is switched at most once in C + minimum dwell.
 * Rows of a variant with nowhere to run that is placeable wait at most
 * aged + (n - 1) * (C + lookahead) + C, where n variants compete for its boards and none of them is pinned there.
 */
import type { Board } from "./plan.ts";
import { Plan } from "./plan.ts";
import { DEFAULT_RULES, type PlacementRules } from "./rules.ts";
import type { DemandView, LoadReason, Placement } from "./views.ts";
import { lossMs, netGainMs, waitingWork } from "./worth.ts";

export function placement(given: Partial<PlacementRules> = {}): Placement {
  const rules = { ...DEFAULT_RULES, ...given };
  return {
    decide(devices, demands, now) {
      const plan = new Plan(devices, demands, now, rules);
      bringHome(plan);
      moveEnsembles(plan, rules);
      fillEmpty(plan);
      serveAged(plan, rules);
      fillMinimum(plan, rules);
      switchWhatIsWorthIt(plan, rules);
      balance(plan, rules);
      return plan.actions;
    },
  };
}

function bringHome(plan: Plan): void {
  for (const board of plan.boards) {
    if (!board.taken && plan.isStranded(board)) plan.unload(board, "stranded");
  }
}

/** Its boards are emptied all at once, or it would be in two link groups. */
function moveEnsembles(plan: Plan, rules: PlacementRules): void {
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

function fillEmpty(plan: Plan): void {
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

function serveAged(plan: Plan, rules: PlacementRules): void {
  for (const demand of agedAndNowhere(plan, rules)) {
    const candidates = plan.candidates(demand);
    const now = candidates.filter((board) => owedInMs(plan, board, rules) <= 0);
    const board = least(now, (each) => lossMs(plan, each, rules) + each.switchMs);
    if (board !== undefined) {
      plan.load(board, demand, "aged");
      continue;
    }
    // The next to have dwelt is kept for it: another switch would begin a new dwell.
    const next = least(candidates, (each) => owedInMs(plan, each, rules));
    if (next !== undefined) next.taken = true;
  }
}

function fillMinimum(plan: Plan, rules: PlacementRules): void {
  for (const demand of plan.demands) {
    while (plan.holders(demand).length < (demand.minInstances ?? 0)) {
      const dwelt = plan.candidates(demand).filter((board) => hasDwelt(plan, board, rules));
      const board = least(dwelt, (each) => lossMs(plan, each, rules) + each.switchMs);
      if (board === undefined) break;
      plan.load(board, demand, "minimum");
    }
  }
}

interface Proposal {
  readonly board: Board;
  readonly demand: DemandView;
  readonly reason: LoadReason;
  readonly netMs: number;
}

function switchWhatIsWorthIt(plan: Plan, rules: PlacementRules): void {
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

/** The longest share of work per board shrinks by a board that has, per board, much less. */
function balance(plan: Plan, rules: PlacementRules): void {
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

/** Oldest first. */
function agedAndNowhere(plan: Plan, rules: PlacementRules): DemandView[] {
  return plan.demands
    .filter((demand) => {
      if (demand.waitingRows === 0 || plan.holders(demand).length > 0) return false;
      const costMs = least(plan.candidates(demand), ({ switchMs }) => switchMs)?.switchMs ?? 0;
      return demand.oldestWaitMs >= Math.max(rules.agedMs, rules.agedFactor * costMs);
    })
    .sort((a, b) => b.oldestWaitMs - a.oldestWaitMs);
}

/** ms until the board may be taken from what it holds although that has work. */
function owedInMs(plan: Plan, board: Board, rules: PlacementRules): number {
  const factor = hasWork(plan, board) ? rules.lookaheadFactor : rules.minDwellFactor;
  return board.view.sinceMs + Math.max(rules.minDwellMs, factor * board.switchMs) - plan.now;
}

function hasDwelt({ now }: Plan, { view, switchMs, holds }: Board, rules: PlacementRules): boolean {
  if (holds === undefined) return true;
  return now - view.sinceMs >= Math.max(rules.minDwellMs, rules.minDwellFactor * switchMs);
}

function hasWork(plan: Plan, board: Board): boolean {
  return plan.servedBy(board).some(({ waitingRows }) => waitingRows > 0);
}

/**
 * Which of several boards that do equally well to spare: those with a link for who needs none, those with
 * more memory than needed, in this order.
 */
function reluctance({ view, switchMs }: Board, { group }: DemandView): number {
  const linked = group === undefined && view.linkGroup !== undefined ? 1e15 : 0;
  return linked + switchMs * 1e6 + (view.memoryBytes ?? 0) / 1e9;
}

function least<T>(items: readonly T[], cost: (item: T) => number): T | undefined {
  let best: T | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const itemCost = cost(item);
    if (best !== undefined && itemCost >= bestCost) continue;
    best = item;
    bestCost = itemCost;
  }
  return best;
}

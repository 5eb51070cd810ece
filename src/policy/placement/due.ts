/** Boards that tenants are due: lent ones go back at once, others when it is their turn. */
import type { Board } from "./board.ts";
import type { Contest } from "./contest.ts";
import { least } from "./least.ts";
import type { Plan } from "./plan.ts";
import { reluctance } from "./reluctance.ts";
import type { PlacementRules } from "./rules.ts";
import type { DemandView, Standing } from "./views.ts";
import { lossMs } from "./worth.ts";

interface Claim {
  readonly claimant: Standing;
  readonly demand: DemandView;
  /** Of the claimant's rows, ms of a board. */
  readonly workMs: number;
}

/** Who is owed most comes first; as long as it has less than its part. */
export function giveWhatIsDue(plan: Plan, contest: Contest, rules: PlacementRules): void {
  if (!contest.open) return;
  const candidates = new Map<DemandView, readonly Board[]>();
  for (const claim of claimsOf(plan, contest)) {
    const { claimant, demand } = claim;
    if (!contest.lacks(claimant)) continue;
    const boards = candidates.get(demand) ?? plan.candidates(demand);
    candidates.set(demand, boards);
    const due = boards
      .filter((board) => isWorthAsking(plan, claim, board.switchMs, rules))
      .filter((board) => contest.isDue(board, claimant));
    const unused = due.filter((board) => !contest.isNeeded(board));
    const board =
      least(unused, (each) => lossMs(plan, each, rules) + reluctance(each, demand)) ??
      least(due, (each) => contest.creditOn(each, claimant));
    if (board === undefined) continue;
    plan.load(board, demand, "share", claimant.tenant);
    candidates.clear();
  }
}

function claimsOf(plan: Plan, contest: Contest): Claim[] {
  const claims: Claim[] = [];
  for (const demand of plan.demands) {
    for (const { tenant, rows, requests } of demand.tenants ?? []) {
      // A single request never flips a board.
      if (requests < 2) continue;
      const claimant = contest.standingOf(tenant, demand.platform);
      const workMs = rows * demand.msPerRow * (demand.benefit ?? 1);
      if (claimant !== undefined) claims.push({ claimant, demand, workMs });
    }
  }
  return claims.sort(
    (a, b) =>
      b.claimant.creditMs - a.claimant.creditMs || b.demand.oldestWaitMs - a.demand.oldestWaitMs,
  );
}

/** Rows with nowhere to run may ask for what is theirs; others must be worth the switch there and back. */
function isWorthAsking(
  plan: Plan,
  { demand, workMs }: Claim,
  switchMs: number,
  { marginFactor }: PlacementRules,
): boolean {
  const holders = plan.holders(demand).length;
  if (holders === 0 && (demand.benefit ?? 1) === 1) return true;
  return workMs / (holders + 1) >= marginFactor * switchMs;
}

/** How long turns are where tenants take turns on a board. */
import { minDwellMs } from "./dwell.ts";
import type { PlacementRules } from "./rules.ts";

/** The shortest turn: a switch, and the shortest time that a board keeps what it got. */
export function leastTurnMs(switchMs: number, rules: PlacementRules): number {
  return switchMs + minDwellMs(switchMs, rules);
}

/** After how long each of them has had its turn on a board. Of a turn, at most one switch in so many is lost as the look-ahead says. */
export function roundMs(tenants: number, switchMs: number, rules: PlacementRules): number {
  const { lookaheadFactor, longestRoundFactor } = rules;
  return Math.min(longestRoundFactor, (lookaheadFactor + 1) * tenants) * switchMs;
}

/**
 * How much more than who has a board a tenant must be owed to get it, ms: so much that their turns make a round. A
 * tenant whose part is f of a board is away from its mean by f (1 - f) of a round when its turn begins, and when it ends.
 */
export function marginOf(
  partDevices: number,
  tenants: number,
  switchMs: number,
  rules: PlacementRules,
): number {
  const fraction = partDevices % 1;
  const swing = fraction * (1 - fraction) * roundMs(tenants, switchMs, rules);
  return Math.max(leastTurnMs(switchMs, rules), swing);
}

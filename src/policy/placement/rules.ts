/** The numbers of a placement. Times are in ms, factors are multiples of the device's measured switch cost. */

export interface PlacementRules {
  /** Cost of a switch of a device that has not measured one. */
  readonly assumedSwitchMs: number;
  /** A device keeps what it got for at least this long, and `minDwellFactor`. */
  readonly minDwellMs: number;
  readonly minDwellFactor: number;
  /**
   * How far work is looked ahead. Also how long a device that has work is left with it where the switch saves
   * no time but is owed to others (`aged`, `balance`): of factor + 1 switch costs at most one is lost to switching.
   */
  readonly lookaheadFactor: number;
  /** What waits, and what is gained beyond what is lost, must each be worth at least so many switch costs: there and back. */
  readonly marginFactor: number;
  /** Requests wait so long before they are given a device that has nothing to do, where they are worth no switch. */
  readonly idlePatienceFactor: number;
  /** Requests with nowhere to run are given a device at this age, and at least `agedFactor`, at any cost. */
  readonly agedMs: number;
  readonly agedFactor: number;
  /** Of two variants that have devices, one gets a device of the other when its share is longer by this fraction. */
  readonly balanceFraction: number;
  /** Tenants that share a device take turns: all of them have had one after so many switch costs, where they are many. */
  readonly longestRoundFactor: number;
}

/**
 * 1500 ms: what cards of this kind were measured to take (AMD's "Get Moving with Alveo": 1625 ms cold, others
 * 1150 to 1200). Of the demand traces in `simulator/`, these numbers hold at least 0.8 of the offline optimum.
 */
export const DEFAULT_RULES: PlacementRules = {
  assumedSwitchMs: 1_500,
  minDwellMs: 0,
  minDwellFactor: 2,
  lookaheadFactor: 8,
  marginFactor: 2,
  idlePatienceFactor: 4,
  agedMs: 30_000,
  agedFactor: 20,
  balanceFraction: 0.5,
  longestRoundFactor: 60,
};

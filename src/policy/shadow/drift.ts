/**
 * Whether an artifact that computes live requests once more has left its class. Pure, and asked after every
 * batch: what counts is a window of the newest rows, so that a fault shows soon however long all was well.
 *
 * A row fails by chance at most as often as the class allows: never in classes of single elements, in
 * 1 - minAgreement of the rows in the class `physics`. The artifact is given up only where its failing rows
 * can't be chance: the probability of as many, bounded by Chernoff's inequality, is below 1e-6, which leaves
 * room for being asked thousands of times. One or two rows may be a fault of a device (its breaker and the
 * checks after programming are for that), so at least three must fail.
 */

/** Of the newest rows. */
export interface ShadowCounts {
  readonly rows: number;
  /** Outside the class; in the class `physics`, decided otherwise. */
  readonly failing: number;
  /** Rows that the shadow accepts, and that the live answers do. Only of the class `physics`. */
  readonly accepted: number;
  readonly liveAccepted: number;
}

export interface DriftRules {
  /** Fewer rows decide nothing. */
  readonly minRows: number;
  /** Share of the rows that may fail, 0 to 1. */
  readonly allowedFailing: number;
  /** Largest difference of the accepted shares, 0 to 1. */
  readonly maxAcceptedDifference: number;
}

const MIN_FAILING = 3;
const CHANCE = 1e-6;

/** @returns why it has left its class, in words; undefined: nothing says so */
export function driftOf(counts: ShadowCounts, rules: DriftRules): string | undefined {
  const { rows, failing } = counts;
  if (rows < rules.minRows) return undefined;
  if (failing >= MIN_FAILING && isNoChance(failing, rows, rules.allowedFailing)) {
    return (
      `${failing} of the newest ${rows} rows of live requests are outside its class ` +
      `(allowed is a share of ${rules.allowedFailing})`
    );
  }
  return acceptanceDrift(counts, rules.maxAcceptedDifference);
}

/** Chernoff: P(at least k of n) ≤ exp(-n · KL(k/n ‖ allowed)). */
function isNoChance(failing: number, rows: number, allowed: number): boolean {
  const share = failing / rows;
  if (share <= allowed) return false;
  if (allowed <= 0) return true;
  const rest = share < 1 ? (1 - share) * Math.log((1 - share) / (1 - allowed)) : 0;
  return rows * (share * Math.log(share / allowed) + rest) > -Math.log(CHANCE);
}

/** Empirical Bernstein bound (Maurer and Pontil 2009) of the mean of (shadow accepts) - (live accepts). */
function acceptanceDrift(
  { rows, failing, accepted, liveAccepted }: ShadowCounts,
  max: number,
): string | undefined {
  if (failing < MIN_FAILING) return undefined;
  const mean = (accepted - liveAccepted) / rows;
  const variance = failing / rows - mean * mean;
  const log = Math.log(4 / CHANCE);
  const chanceDifference =
    Math.sqrt((2 * variance * log) / rows) + (7 * 2 * log) / (3 * (rows - 1));
  if (Math.abs(mean) - chanceDifference <= max) return undefined;
  return (
    `it accepts ${accepted} of the newest ${rows} rows of live requests, where ${liveAccepted} were accepted: ` +
    `allowed is a difference of ${max}`
  );
}

/** A board given to one experiment for a time: only models of that experiment sit on it meanwhile. */
import { matchesPattern } from "../inference/name-pattern.ts";

export interface Lease {
  /** Who has it. */
  readonly to: string;
  /** Names of models; `*` stands for any characters. */
  readonly models: readonly string[];
  /** `Clock.now` ms. */
  readonly untilMs: number;
}

/** True where a model may sit on a board under this lease. */
export function lends(lease: Lease | undefined, model: string): boolean {
  return lease === undefined || lease.models.some((pattern) => matchesPattern(pattern, model));
}

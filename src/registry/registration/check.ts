/** A named check, and what checks find out for those behind them. */
import type { ArtifactFacts, ArtifactManifest, Device } from "../../../backends/contract.ts";
import type { Vendor } from "../catalog/types.ts";
import type { FormatRule, VendorRule } from "../vendors/vendor-rules.ts";
import type { Candidate, Checkers } from "./candidate.ts";
import type { SettledConfig } from "./settle-config.ts";

export type Outcome =
  | { readonly outcome: "passed" | "skipped"; readonly reason: string }
  | { readonly outcome: "failed"; readonly reason: string; readonly remedy: string };

/** Filled in on the way; a check that needs what is missing here is skipped. */
export interface Findings {
  /** As the bytes say. */
  format?: string;
  /** Of the bytes alone: no manifest, no platform was asked for. */
  facts?: ArtifactFacts;
  manifest?: ArtifactManifest;
  /** Present once the vendor takes the format. */
  rule?: VendorRule;
  formatRule?: FormatRule;
  /** Those that it fits, of the boards that are known. */
  boards?: readonly Device[];
  /** As the artifact shall be known. */
  platform?: string;
  config?: SettledConfig;
}

export interface CheckContext {
  readonly candidate: Candidate;
  readonly checkers: Checkers;
  readonly found: Findings;
}

export interface Check {
  readonly name: string;
  /** Names of checks without which it means nothing: where one failed or was skipped for lack of input, so is it. */
  readonly needs: readonly string[];
  /** @throws whatever; it counts as failed. */
  run(context: CheckContext): Outcome | Promise<Outcome>;
}

export const passed = (reason: string): Outcome => ({ outcome: "passed", reason });
export const skipped = (reason: string): Outcome => ({ outcome: "skipped", reason });
export const failed = (reason: string, remedy: string): Outcome => ({
  outcome: "failed",
  reason,
  remedy,
});

/** What was needed and not given: a failure where everything has to be there. */
export function missing({ candidate }: CheckContext, what: string, remedy: string): Outcome {
  return candidate.whole ? failed(`${what} is missing`, remedy) : skipped(`no ${what} was given`);
}

export function ruleOf({ checkers }: CheckContext, vendor: Vendor): VendorRule {
  return checkers.rules[vendor];
}

/** Refusals by reason where there is no ledger: one that is told of them alone, so that answers cost nothing. */
import type { ModelAccount } from "../telemetry/account.ts";
import type { ReadMetric } from "../telemetry/exposition/families.ts";
import { Ledger } from "../telemetry/ledger/ledger.ts";
import { refusalMetric } from "../telemetry/ledger/ledger-metrics.ts";
import { refusedInto } from "./accounting.ts";
import type { Refused } from "./infer-line.ts";

export interface Refusals {
  readonly refused: Refused;
  readonly metrics: readonly ReadMetric[];
}

export function countRefusals(account: Pick<ModelAccount, "onFailure">): Refusals {
  const ledger = new Ledger();
  account.onFailure = (outcome) => ledger.ended(outcome);
  return { refused: refusedInto(ledger), metrics: [refusalMetric(() => ledger.rows())] };
}

/** Counts, and beside it writes into the ledger what each request used. */
import type { Account } from "../../inference/outcome.ts";
import type { Ledger } from "./ledger.ts";

export function ledgerAccount(account: Account, ledger: Pick<Ledger, "ended">): Account {
  return {
    request(outcome) {
      account.request(outcome);
      ledger.ended(outcome);
    },
    execution: (outcome) => account.execution(outcome),
    response: (outcome) => account.response(outcome),
    cacheMiss: (signature, tookUs) => account.cacheMiss(signature, tookUs),
    lost: (signature, executing) => account.lost(signature, executing),
    pending: (signature, delta) => account.pending(signature, delta),
  };
}

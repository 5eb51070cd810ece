/** Counts, and beside it hands the requests that are traced to the tracer. */
import type { Account } from "../inference/outcome.ts";
import type { Tracer } from "./tracer.ts";

export function tracedAccount(account: Account, tracer: Pick<Tracer, "ended">): Account {
  return {
    request(outcome) {
      account.request(outcome);
      if (outcome.trace !== undefined) tracer.ended(outcome);
    },
    execution: (outcome) => account.execution(outcome),
    response: (outcome) => account.response(outcome),
    cacheMiss: (signature, tookUs) => account.cacheMiss(signature, tookUs),
    lost: (signature, executing) => account.lost(signature, executing),
    pending: (signature, delta) => account.pending(signature, delta),
  };
}

/** What tenants used, counted by a gateway that dies or has no room to write. */
import type { Cases } from "../../support/cases.ts";
import { fullLedger } from "./full-ledger.ts";
import { killedCounting } from "./killed-counting.ts";

export async function ledger(cases: Cases, short: boolean): Promise<void> {
  await killedCounting(cases, short);
  await fullLedger(cases, short);
}

/** What is served, one row a model version, for the operator who started it. */
import type { ServedRow } from "../gateway.ts";
import { table } from "./table.ts";

export function servedTable(rows: readonly ServedRow[]): string {
  if (rows.length === 0) return "No models: the repository is empty, or nothing was asked for.";
  const head = ["MODEL", "VERSION", "STATE", "INSTANCES", "BATCH-INVARIANT", "REASON"];
  return table(
    head,
    rows.map(({ model, version, state, instances, batchInvariant, reason }) => [
      model,
      version || "-",
      state || "UNKNOWN",
      String(instances),
      batchInvariant === undefined ? "-" : batchInvariant ? "yes" : "no",
      reason,
    ]),
  );
}

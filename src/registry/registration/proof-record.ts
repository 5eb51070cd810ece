/** What the gate found, for lists and as checks. */
import type { OutputErrors } from "../../policy/equivalence/types.ts";
import type { CheckResult, Verdict, VerdictSummary } from "../catalog/types.ts";

export function summaryOf(verdict: Verdict): VerdictSummary {
  const { passed, device, rows, outputs, batchInvariance, at } = verdict;
  const worst = outputs.map(worstOf).toSorted((a, b) => b.error - a.error)[0];
  return {
    passed,
    emulated: device.emulated,
    device: device.id,
    rows,
    worst: worst?.error ?? 0,
    unit: worst?.unit ?? "abs",
    batchInvariant: batchInvariance.invariant,
    at,
  };
}

/** In the unit of the output's histogram, which is that of its class. */
function worstOf({ histogram, worst, maxUlp, maxAbs }: OutputErrors) {
  const { unit } = histogram;
  const error = worst[0]?.error ?? (unit === "ulp" ? maxUlp : unit === "abs" ? maxAbs : 0);
  return { unit, error };
}

const REMEDIES: Readonly<Record<string, string>> = {
  "numeric-equivalence":
    "look at the worst rows of the verdict; mend the artifact, or declare the class in which it is right",
  "batch-invariance":
    "an answer must not depend on what else is in its batch: look at the artifact's padding and indices",
  load: "look at what the backend says; mend the artifact or its manifest",
  execution: "look at what the backend says; mend the artifact or its manifest",
  golden: "save the golden files with numpy.savez once more, and register with them",
};

export function failedCheck(check: string, reason: string): CheckResult {
  return { check, outcome: "failed", reason, remedy: REMEDIES[check] ?? "mend the artifact" };
}

/** Two that passed, or the one that failed. */
export function checksOf(verdict: Verdict): readonly CheckResult[] {
  const {
    passed,
    failedCheck: failed = "numeric-equivalence",
    reason,
    device,
    batchInvariance,
  } = verdict;
  const { rows, worst, unit } = summaryOf(verdict);
  if (!passed) return [failedCheck(failed, reason ?? "it failed")];
  const where = `${device.id}${device.emulated ? " (emulated)" : ""}`;
  const kept = batchInvariance.invariant
    ? "not one bit depends on the batch"
    : "rows differ by batch, within the class";
  return [
    {
      check: "numeric-equivalence",
      outcome: "passed",
      reason: `${rows} rows on ${where}, largest error ${worst} ${unit}`,
    },
    { check: "batch-invariance", outcome: "passed", reason: kept },
  ];
}

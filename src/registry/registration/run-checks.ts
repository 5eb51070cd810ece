/** Every check that what was given allows, in one order. */
import { toStatusError } from "../../errors.ts";
import type { CheckResult } from "../catalog/types.ts";
import type { Candidate, Checkers } from "./candidate.ts";
import { type Check, type CheckContext, type Findings, failed, type Outcome } from "./check.ts";
import { archiveCheck } from "./checks/archive.ts";
import { configCheck } from "./checks/config.ts";
import { containerCheck } from "./checks/container.ts";
import { digestCheck } from "./checks/digest.ts";
import { equivalenceCheck } from "./checks/equivalence.ts";
import { externalDataCheck } from "./checks/external-data.ts";
import { fixedBatchCheck } from "./checks/fixed-batch.ts";
import { goldenCheck } from "./checks/golden.ts";
import { kernelCheck } from "./checks/kernel.ts";
import { manifestCheck } from "./checks/manifest.ts";
import { nameCheck } from "./checks/name.ts";
import { platformCheck } from "./checks/platform.ts";
import { signatureCheck } from "./checks/signature.ts";
import { sizeCheck } from "./checks/size.ts";
import { tensorsCheck } from "./checks/tensors.ts";
import { toolchainCheck } from "./checks/toolchain.ts";
import { vendorCheck } from "./checks/vendor.ts";
import { refused } from "./refusal.ts";

/** What one finds is there for those behind it. */
export const CHECKS: readonly Check[] = [
  nameCheck,
  sizeCheck,
  manifestCheck,
  digestCheck,
  containerCheck,
  vendorCheck,
  platformCheck,
  kernelCheck,
  tensorsCheck,
  fixedBatchCheck,
  toolchainCheck,
  externalDataCheck,
  archiveCheck,
  signatureCheck,
  configCheck,
  goldenCheck,
  equivalenceCheck,
];

export interface Checked {
  readonly results: readonly CheckResult[];
  /** The first that failed. */
  readonly failed: CheckResult | undefined;
  readonly found: Findings;
}

/** Never throws for anything in the candidate; whatever a check throws is why it failed. */
export async function runChecks(
  candidate: Candidate,
  checkers: Checkers,
  tell: (result: CheckResult) => void = () => {},
  signal?: AbortSignal,
): Promise<Checked> {
  const context: CheckContext = { candidate, checkers, found: {} };
  const results: CheckResult[] = [];
  /** Failed, or never ran because of one that did. */
  const blocked = new Map<string, string>();
  for (const check of CHECKS) {
    signal?.throwIfAborted();
    const culprit = check.needs.map((name) => blocked.get(name)).find((name) => name !== undefined);
    const outcome: Outcome =
      culprit === undefined
        ? await outcomeOf(check, context)
        : { outcome: "skipped", reason: `check '${culprit}' failed` };
    if (culprit !== undefined) blocked.set(check.name, culprit);
    else if (outcome.outcome === "failed") blocked.set(check.name, check.name);
    const result = { check: check.name, ...outcome };
    results.push(result);
    tell(result);
  }
  const failure = results.find(({ outcome }) => outcome === "failed");
  return { results, failed: failure, found: context.found };
}

async function outcomeOf(check: Check, context: CheckContext): Promise<Outcome> {
  try {
    return await check.run(context);
  } catch (thrown) {
    if (toStatusError(thrown).code === "RESOURCE_EXHAUSTED") {
      return failed(toStatusError(thrown).message, "try again when there is room");
    }
    return refused(thrown, context.candidate, "try again, or tell whoever keeps this gateway");
  }
}

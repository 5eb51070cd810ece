/** Banks of a manifest against the wiring of the artifact. */
import type { KernelManifest } from "../../contract.ts";
import type { Place } from "../artifact-file/place.ts";
import { CORRECT, type KernelFacts } from "./kernel-facts.ts";

/** @throws BackendError `artifact` where a buffer would be put into a bank that the unit cannot reach */
export function checkBanks(place: Place, kernel: KernelManifest, found: KernelFacts): void {
  const units = Math.max(1, kernel.computeUnits.length);
  for (const argument of kernel.arguments) {
    if (argument.role === "rows" || argument.banks === undefined) continue;
    const facts = found.arguments[argument.index];
    const where = place.part(`argument ${argument.index} '${facts?.name ?? ""}'`);
    if (argument.banks.length !== units) {
      throw where.refusal(
        `${argument.banks.length} banks, expected ${units}, one for each compute unit`,
        CORRECT,
      );
    }
    argument.banks.forEach((bank, position) => {
      const unit = kernel.computeUnits[position] ?? found.computeUnits?.[0] ?? "";
      const wired = facts?.banksIn?.(unit);
      if (wired === undefined || wired.includes(bank)) return;
      throw where.refusal(
        `bank ${bank} for compute unit '${unit}', expected ${wired.join(" or ") || "none"} ` +
          "as it is wired",
        CORRECT,
      );
    });
  }
}

/** A registration that a check ended. */
import { StatusError } from "../../errors.ts";
import type { CatalogArtifact, CheckResult } from "../catalog/types.ts";

/** INVALID_ARGUMENT: what was handed in is at fault. */
export class RegistrationRefused extends StatusError {
  readonly checks: readonly CheckResult[];
  /** As it is on record; undefined where not even its name could be written. */
  readonly artifact: CatalogArtifact | undefined;

  constructor(checks: readonly CheckResult[], artifact: CatalogArtifact | undefined) {
    const failed = checks.find(({ outcome }) => outcome === "failed");
    const { check, reason, remedy = "hand in another one" } = failed ?? { check: "?", reason: "?" };
    super("INVALID_ARGUMENT", `refused at check '${check}': ${reason}; ${remedy}`);
    this.checks = checks;
    this.artifact = artifact;
  }
}

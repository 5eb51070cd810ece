/** The configuration that checks of tensors need, settled once; what is wrong with it is told by the check `config`. */
import { toStatusError } from "../../errors.ts";
import type { CheckContext } from "./check.ts";
import { type SettledConfig, settleConfig } from "./settle-config.ts";

/** @throws StatusError as `settleConfig` */
export function configurationOf(context: CheckContext): SettledConfig {
  const { candidate, checkers, found } = context;
  found.config ??= settleConfig({
    name: candidate.name ?? "model",
    version: candidate.version ?? "1",
    written: candidate.config,
    existing: candidate.existing,
    facts: found.facts ?? { platform: "any" },
    manifest: found.manifest,
    format: found.format ?? "",
    backend: found.formatRule?.backend,
    modules: checkers.modules,
  });
  return found.config;
}

export function configurationOrReason(context: CheckContext): SettledConfig | string {
  try {
    return configurationOf(context);
  } catch (thrown) {
    return `the configuration cannot be used: ${toStatusError(thrown).message}`;
  }
}

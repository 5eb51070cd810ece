/** Why an artifact that passed its checks is not executed by this gateway; then it stays validated. */
import type { CatalogVersion, Registration } from "../catalog/types.ts";
import { backendOff } from "../published/given-artifacts.ts";
import type { Checkers } from "./candidate.ts";
import type { Findings } from "./check.ts";

export interface Judged {
  readonly registration: Registration;
  readonly version: CatalogVersion | undefined;
  readonly found: Findings;
  readonly checkers: Checkers;
  /** As Node calls that of this host. */
  readonly architecture: string;
}

/** undefined: the gate can be asked. */
export function whyNotExecuted(judged: Judged): string | undefined {
  const { registration, found, checkers } = judged;
  const { rule, formatRule } = found;
  if (registration.validateOnly === true) return "only its checks were asked for";
  if (formatRule?.backend === undefined)
    return formatRule?.keptBecause ?? "nothing here executes it";
  if (!checkers.modules.some(({ kind }) => kind === formatRule.backend)) {
    return backendOff(formatRule.backend);
  }
  const { architecture } = rule ?? {};
  if (architecture !== undefined && architecture !== judged.architecture) {
    return `it is for hosts with ${architecture}, this one has ${judged.architecture}`;
  }
  return whyNoDevice(judged) ?? whyNoReference(judged);
}

function whyNoDevice({ found, checkers }: Judged): string | undefined {
  const { rule, platform } = found;
  if (rule?.ownDevices !== true) return undefined;
  const own = checkers.devices().filter(({ vendor }) => vendor === rule.vendor);
  if (!rule.boards) return own.length > 0 ? undefined : `no device of ${rule.vendor} is known here`;
  const boards = found.boards ?? [];
  if (boards.length === 0)
    return `no board of ${rule.vendor} with platform ${platform} is known here`;
  const target = found.facts?.details?.["target"];
  if (typeof target !== "string") return undefined;
  const emulated = target !== "hw";
  if (boards.some((board) => (board.emulated === true) === emulated)) return undefined;
  return emulated
    ? "it was linked for software emulation, the boards here are real"
    : "it was linked for real cards, the boards here are emulated";
}

/** Board images take no golden outputs from themselves, unless somebody says that they are the truth. */
function whyNoReference({ registration, version, found }: Judged): string | undefined {
  if (registration.golden?.outputs !== undefined || version?.golden !== undefined) return undefined;
  const { reference } = version ?? {};
  if (isReference(registration, found.format) || reference === registration.artifact)
    return undefined;
  return (
    "the version has no golden outputs yet: register its reference (--reference, or an ONNX file for cpu), or give " +
    "golden files, then verify it"
  );
}

export function isReference(
  { reference, golden, vendor }: Registration,
  format: string | undefined,
): boolean {
  return (
    reference === true || (golden?.outputs === undefined && vendor === "cpu" && format === "onnx")
  );
}

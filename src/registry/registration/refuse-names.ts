/** Names are judged before anything is written under them. */
import type { Registration } from "../catalog/types.ts";
import { isVersion, nameCheck, problemOfName } from "./checks/name.ts";
import { RegistrationRefused } from "./refused.ts";
import type { RunParts, Tell } from "./registration-run.ts";

/** @throws RegistrationRefused, after a line in the audit log: there is no record that could tell of it */
export async function refuseNames(
  { name, version, vendor, artifact }: Registration,
  { catalog, checkers }: Pick<RunParts, "catalog" | "checkers">,
  who: string,
  tell: Tell,
): Promise<void> {
  const fits = problemOfName(name) === undefined;
  if (fits && isVersion(version) && Object.hasOwn(checkers.rules, vendor)) return;
  const nothing = { path: "", sizeBytes: 0, file: "", files: new Map(), whole: true };
  const candidate = { name, version, vendor, ...nothing };
  const outcome = await nameCheck.run({ candidate, checkers, found: {} });
  const check = { check: nameCheck.name, ...outcome };
  tell({ step: "check", check });
  const details = { check: check.check, reason: check.reason, artifact };
  await catalog.note({ who, action: "refuse", model: fits ? name : "", details });
  throw new RegistrationRefused([check], undefined);
}

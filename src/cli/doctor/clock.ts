/** The wall clock: tokens, certificates and reservations are judged by it. */
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../../package-root.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const PATIENCE_MS = 3_000;
const REMEDY = "set it and keep it with NTP: install chrony";

/**
 * @param installedMs when this program came here: no clock is right that has not come so far yet
 * @param synchronised what the system says of itself; undefined: nothing
 */
export function judgeClock(
  nowMs: number,
  installedMs: number,
  synchronised: boolean | undefined,
): Finding {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  if (nowMs < installedMs) {
    return fail("clock", `${now}, before this program was installed`, REMEDY);
  }
  if (synchronised === undefined) {
    return ok("clock", `${now}; the system does not say whether NTP keeps it`);
  }
  return synchronised
    ? ok("clock", `${now}, kept by NTP`)
    : warn("clock", `${now}, kept by nobody`, REMEDY);
}

export async function checkClock(): Promise<Finding> {
  const { mtimeMs } = await stat(join(packageRoot, "package.json"));
  return judgeClock(Date.now(), mtimeMs, await ntpSynchronised());
}

async function ntpSynchronised(): Promise<boolean | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      "timedatectl",
      ["show", "--property=NTPSynchronized", "--value"],
      { timeout: PATIENCE_MS },
    );
    return /^yes/.test(stdout) ? true : /^no/.test(stdout) ? false : undefined;
  } catch {
    return undefined; // containers have no systemd
  }
}

/** Node itself, and the native libraries: tried in a process of their own, which they may crash. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { packageRoot } from "../../package-root.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const OLDEST = { major: 20, minor: 19 };
/** Node 20 gets no more repairs since April 2026. */
const MAINTAINED_FROM = 22;
/** The first release of each line without the known holes (CVE-2026-21714 leaks by HTTP/2, CVE-2026-21637 crashes by SNI). */
export const SAFE_FROM = ["20.20.2", "22.22.2", "24.14.1"] as const;
const LOAD_TIMEOUT_MS = 30_000;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const tooOld = major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor);
  const remedy = "install Node 24 (LTS)";
  if (tooOld) {
    return fail("node", `${version}, needed is ${OLDEST.major}.${OLDEST.minor} or newer`, remedy);
  }
  if (major < MAINTAINED_FROM) {
    return warn("node", `${version}: works, but has no security updates any more`, remedy);
  }
  const safe = SAFE_FROM.find((each) => each.startsWith(`${major}.`));
  if (safe !== undefined && safe.localeCompare(version, "en", { numeric: true }) > 0) {
    return warn("node", `${version}: has known security holes that ${safe} has not`, remedy);
  }
  return ok("node", version);
}

/** @param name a package of ours with native code. */
export async function checkNative(name: string): Promise<Finding> {
  const program = `const m = require(${JSON.stringify(name)}); process.stdout.write(typeof m)`;
  try {
    await promisify(execFile)(process.execPath, ["-e", program], {
      cwd: packageRoot,
      timeout: LOAD_TIMEOUT_MS,
    });
    return ok(name, `loads on ${process.platform} ${process.arch}`);
  } catch (error) {
    return fail(
      name,
      reasonOf(error),
      "run `npm ci` again for this platform; on Alpine Linux use an image with glibc instead",
    );
  }
}

function reasonOf(error: unknown): string {
  const {
    stderr = "",
    signal,
    killed,
  } = error as {
    readonly stderr?: string;
    readonly signal?: string;
    readonly killed?: boolean;
  };
  if (killed === true) return `did not load within ${LOAD_TIMEOUT_MS / 1000} s`;
  if (signal) return `crashed with ${signal} while loading`;
  return /^\w*Error: .*/m.exec(stderr)?.[0] ?? "cannot be loaded";
}

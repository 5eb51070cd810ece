/** Node itself, and the native libraries: tried in a process of their own, which they may crash. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { packageRoot } from "../../package-root.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const OLDEST = { major: 20, minor: 19 };
/** Node 20 gets no more repairs since April 2026. */
const MAINTAINED_FROM = 22;
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

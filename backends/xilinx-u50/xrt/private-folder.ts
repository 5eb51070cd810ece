/** A folder of this process alone, under /tmp, where XRT looks for its sockets whatever TMPDIR says. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";

const PARENT = "/tmp";
const PREFIX = "beamgate-u50-";

/** Goes when the process ends; what a killed process left is cleared by the next that comes here. */
export function privateFolder(): string {
  clearLeftovers();
  const folder = mkdtempSync(join(PARENT, `${PREFIX}${pidNamespace()}-${process.pid}-`));
  process.once("exit", () => removeFolder(folder));
  return folder;
}

function clearLeftovers(): void {
  for (const name of readdirSync(PARENT)) {
    const [, namespace, pid] = /^beamgate-u50-(\d+)-(\d+)-/.exec(name) ?? [];
    // A process number means nothing in another container that shares this folder.
    if (namespace !== pidNamespace() || isAlive(Number(pid))) continue;
    removeFolder(join(PARENT, name));
  }
}

/** With everything in it; gone already is fine. */
export function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody else's, or in use to the last: not worth failing for.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
}

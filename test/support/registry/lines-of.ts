/** A built script of ours as a process of its own, and the lines that it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../../src/package-root.ts";

export interface Script {
  readonly child: ChildProcess;
  /** Of standard output, as they come; what was cut off at the end is no line. */
  readonly lines: readonly string[];
  /** Resolves with the exit status, null where it was killed, when all was read. */
  readonly ended: Promise<number | null>;
  readonly errors: () => string;
}

/** @param script name in this folder, without ending */
export function startScript(
  script: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Script {
  const path = join(packageRoot, "dist", "test", "support", "registry", `${script}.js`);
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const reader = createInterface({ input: child.stdout, crlfDelay: Infinity });
  const read = new Promise<void>((resolve) => reader.once("close", resolve));
  reader.on("line", (line) => {
    lines.push(line);
    onLine(line);
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return {
    child,
    lines,
    ended: exited.then((code) => read.then(() => code)),
    errors: () => errors,
  };
}

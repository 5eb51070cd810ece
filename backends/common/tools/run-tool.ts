/** Programs of vendors, run for what they print. */
import { type ExecFileException, execFile } from "node:child_process";

const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface ToolRun {
  readonly stdout: string;
  readonly stderr: string;
  /** Absent where it ended with status 0. */
  readonly failure?: ToolFailure;
}

export interface ToolFailure {
  readonly kind: "not installed" | "no answer" | "failed";
  readonly cause: Error;
}

/**
 * In English, without input, and not for longer than this.
 * @param path without a slash it is looked for on the PATH
 */
export function runTool(
  path: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<ToolRun> {
  const options = {
    env: { ...process.env, LC_ALL: "C" },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
  } as const;
  return new Promise((resolve) => {
    const child = execFile(path, [...args], options, (error, stdout, stderr) => {
      resolve({ stdout, stderr, ...(error && { failure: describe(error) }) });
    });
    // One that has gone already has closed it.
    child.stdin?.on("error", () => {}).end();
  });
}

function describe(cause: ExecFileException): ToolFailure {
  // execFile tells a program that could not be started by the system's code in place of its status.
  const { code, killed = false } = cause as { code?: unknown; killed?: boolean };
  if (code === "ENOENT" || code === "EACCES") return { kind: "not installed", cause };
  return { kind: killed ? "no answer" : "failed", cause };
}

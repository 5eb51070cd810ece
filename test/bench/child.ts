/** The bench's own processes: controls and load clients, which speak JSON lines on stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../src/package-root.ts";

/** Runs a built file of this package, which prints objects of type `Line`. */
function startNode<Line>(
  builtFile: string,
  args: readonly string[],
  onLine: (line: Line) => void,
): ChildProcess {
  const child = spawn(process.execPath, [join(packageRoot, "dist", builtFile), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) onLine(JSON.parse(line) as Line);
  });
  return child;
}

/** Runs a built file to its end. @returns the last line. @throws Error when it fails or says nothing. */
export async function runNode<Line>(
  builtFile: string,
  args: readonly string[],
  onLine: (line: Line) => void = () => undefined,
): Promise<Line> {
  let last: Line | undefined;
  const child = startNode<Line>(builtFile, args, (line) => {
    last = line;
    onLine(line);
  });
  const [status] = await once(child, "close"); // after the last line was read
  if (status !== 0 || !last) throw new Error(`${builtFile} ended with status ${status}`);
  return last;
}

/** A server that answers gRPC on `port` and whose cost is that of `pid` and `workers()`. */
export interface Served {
  readonly port: number;
  readonly pid: number;
  workers(): number[];
}

export interface ControlServer extends Served {
  stop(): Promise<void>;
}

/** A control that prints its port. */
export async function startControl(builtFile: string): Promise<ControlServer> {
  let child: ChildProcess | undefined;
  const port = await new Promise<number>((resolve, reject) => {
    child = startNode<{ port: number }>(builtFile, [], ({ port }) => resolve(port));
    child.once("exit", () => reject(new Error(`${builtFile} ended before it listened`)));
  });
  const running = child as ChildProcess;
  return {
    port,
    pid: running.pid ?? 0,
    workers: () => [],
    async stop() {
      if (running.exitCode !== null) return;
      running.kill("SIGKILL"); // it holds nothing that wants an orderly end
      await once(running, "exit");
    },
  };
}

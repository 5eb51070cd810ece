/** Starting the process of a worker, and ending it with everything that it started. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { workerEnvironment } from "./worker-environment.ts";

/** Workers hold one session or a few: small heaps, collected early, few threads of Node's own. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1", "--no-warnings"];

export interface SpawnedWorker {
  readonly child: ChildProcess;
  /** What it writes to its standard streams. */
  readonly outputs: readonly Readable[];
  /** One end of a socket pair; the other is its file descriptor 3. Nothing of it lies on disk. */
  readonly channel: Duplex;
}

/** In a process group of its own: signals of the gateway's terminal do not reach it. */
export function spawnWorker(hostEntry: string): SpawnedWorker {
  const child = spawn(process.execPath, [...NODE_FLAGS, hostEntry, String(process.pid)], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: workerEnvironment(process.env),
  });
  // With these `stdio` values Node always makes the streams, even where the start fails.
  const [, stdout, stderr, channel] = child.stdio as readonly unknown[];
  return { child, outputs: [stdout as Readable, stderr as Readable], channel: channel as Duplex };
}

/** The worker and whatever it started, at once. */
export function killGroup(pid: number): void {
  try {
    if (pid > 0) process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

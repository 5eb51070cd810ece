/** Starting the process of a worker, and ending it with everything that it started. */
import { spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { type Exit, posixSpawn, posixSpawnSupported } from "./posix-spawn.ts";
import { workerEnvironment } from "./worker-environment.ts";

/** Workers hold one session or a few: small heaps, collected early, few threads of Node's own. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1", "--no-warnings"];

export interface SpawnedWorker {
  readonly pid: number;
  /** What it writes to its standard streams. */
  readonly outputs: readonly Readable[];
  /** One end of a socket pair; the other is its file descriptor 3. Nothing of it lies on disk. */
  readonly channel: Duplex;
  /** In words that follow its name. */
  readonly exit: Promise<string>;
}

/**
 * In a process group of its own: signals of the gateway's terminal do not reach it.
 * @throws where it could not be started
 */
export function spawnWorker(hostEntry: string): SpawnedWorker {
  const args = [...NODE_FLAGS, hostEntry, String(process.pid)];
  const environment = workerEnvironment(process.env);
  if (!posixSpawnSupported) return forkWorker(args, environment);
  const { exit, ...spawned } = posixSpawn(process.execPath, args, environment);
  return { ...spawned, exit: exit.then(wordsOf) };
}

/** Where there is no better way. */
function forkWorker(args: readonly string[], env: NodeJS.ProcessEnv): SpawnedWorker {
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env,
  });
  // With these `stdio` values Node always makes the streams, even where the start fails.
  const [, stdout, stderr, channel] = child.stdio as readonly unknown[];
  const exit = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) =>
      resolve(wordsOf(signal === null ? { code: code ?? -1 } : { signal })),
    );
  });
  return {
    pid: child.pid ?? 0,
    outputs: [stdout as Readable, stderr as Readable],
    channel: channel as Duplex,
    exit,
  };
}

function wordsOf(exit: Exit): string {
  return "signal" in exit ? `was killed by ${exit.signal}` : `exited with code ${exit.code}`;
}

/** The worker and whatever it started, at once. */
export function killGroup(pid: number): void {
  try {
    if (pid > 0) process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** Connections on which nothing comes, from a process of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../src/package-root.ts";

export interface IdleClients {
  /** How many the server has answered. */
  readonly opened: number;
  readonly failed: number;
  /** Until the last was answered. */
  readonly seconds: number;
  /** Hangs all of them up. */
  stop(): Promise<void>;
}

export async function openIdleClients(options: {
  readonly port: number;
  readonly kind: "grpc" | "http" | "grpc-tls";
  readonly count: number;
  readonly perSecond: number;
}): Promise<IdleClients> {
  const { port, kind, count, perSecond } = options;
  const program = join(packageRoot, "dist", "test", "bench", "processes", "idle-clients.js");
  const child = spawn(process.execPath, [program, ...[port, kind, count, perSecond].map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    exited.then(() => {
      throw new Error("the idle clients ended before they were connected");
    }),
  ]);
  const { opened, failed, seconds } = JSON.parse(line as string) as IdleClients;
  return {
    ...{ opened, failed, seconds },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

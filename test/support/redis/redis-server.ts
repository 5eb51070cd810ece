/** Real Redis servers for one test: on a unix socket or a free port of loopback, in a folder that goes with them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../process-tree.ts";

/** Why tests with a real Redis are skipped; undefined: they run. */
export const NO_REDIS: string | undefined =
  spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "SKIPPED: redis-server is not installed (apt install redis-server)";

export interface RedisServer {
  /** For `redis.url`. */
  readonly url: string;
  readonly pid: number;
  /** One command, as redis-cli takes it. @returns what it prints */
  command(...words: string[]): string;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** An empty one at the same place. @param flags in place of those that the first one had */
  start(flags?: readonly string[]): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

/** @param port listens on loopback instead of a socket; 0 is no port here */
export async function startRedis(
  options: { readonly port?: number; readonly flags?: readonly string[] } = {},
): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-redis-"));
  const socket = join(folder, "redis.sock");
  const { port } = options;
  const place =
    port === undefined ? ["--port", "0", "--unixsocket", socket] : ["--port", `${port}`];
  const reach = port === undefined ? ["-s", socket] : ["-p", `${port}`];
  let child: ChildProcess | undefined;
  const cli = (words: readonly string[]) =>
    spawnSync("redis-cli", [...reach, ...words], { encoding: "utf8", timeout: 20_000 });
  const server: RedisServer = {
    url: port === undefined ? `unix:${socket}` : `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    command: (...words) => cli(words).stdout.trim(),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    kill: () => end(child),
    async start(flags = options.flags ?? []) {
      const common = ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
      child = spawn("redis-server", [...common, ...place, ...flags], { stdio: "ignore" });
      await eventually(() => server.command("ping").endsWith("PONG"), 30_000);
    },
    async remove() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await ended;
}

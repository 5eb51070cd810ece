/** A Redis with a replica and one Sentinel that fails over within about a second. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { eventually } from "../process-tree.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

export const NO_SENTINEL: string | undefined =
  spawnSync("redis-sentinel", ["--version"]).status === 0
    ? undefined
    : "SKIPPED: redis-sentinel is not installed (apt install redis-sentinel)";

/** A master that does not answer for so long is taken for dead. */
export const DOWN_AFTER_MS = 1_000;

export interface SentinelGroup {
  readonly port: number;
  readonly servers: readonly [RedisServer, RedisServer];
  readonly ports: readonly [number, number];
  /** Whom the Sentinel names now. */
  master(): RedisServer;
  remove(): Promise<void>;
}

export async function startSentinelGroup(): Promise<SentinelGroup> {
  const ports = [await freePort(), await freePort()] as const;
  const servers = [
    await startRedis({ port: ports[0] }),
    await startRedis({ port: ports[1], flags: ["--replicaof", "127.0.0.1", `${ports[0]}`] }),
  ] as const;
  await eventually(() => servers[1].command("info").includes("master_link_status:up"), 60_000);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "beamgate-sentinel-"));
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor mymaster 127.0.0.1 ${ports[0]} 1`,
      `sentinel down-after-milliseconds mymaster ${DOWN_AFTER_MS}`,
      "sentinel failover-timeout mymaster 4000",
      "",
    ].join("\n"),
  );
  const child = spawn("redis-sentinel", [file], { stdio: "ignore" });
  const ask = (...words: string[]) =>
    spawnSync("redis-cli", ["-p", `${port}`, ...words], { encoding: "utf8", timeout: 20_000 })
      .stdout;
  // It has to have found the replica, else there is nothing to fail over to.
  await eventually(
    () => ask("sentinel", "replicas", "mymaster").includes(`${ports[1]}`),
    60_000,
    50,
  );
  return {
    ...{ port, ports, servers },
    master() {
      const [, masterPort] = ask("sentinel", "get-master-addr-by-name", "mymaster").split("\n");
      return servers[Number(masterPort) === ports[1] ? 1 : 0];
    },
    async remove() {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
      for (const server of servers) await server.remove();
    },
  };
}

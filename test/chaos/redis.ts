/** Two gateways under load whose Redis is emptied, hangs, dies, fails over and is gone for a while. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterReport } from "../../src/inference/gateway-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type Cases, expect } from "../support/cases.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";
import { leaseHandOvers } from "../support/redis/lease-hand-overs.ts";
import { NO_REDIS, startRedis } from "../support/redis/redis-server.ts";
import { NO_SENTINEL, type SentinelGroup, startSentinelGroup } from "../support/redis/sentinel.ts";
import type { RedisTurns } from "../support/redis/trace-turns.ts";
import { Load } from "./load.ts";
import { identityQuestion } from "./questions.ts";

const HAND_OVERS = 10_000;
/** From the moment a Redis is there again. */
const RECOVERY_MS = 2_000;
const AWAY_MS = 2_000;

export async function redis(cases: Cases, short: boolean): Promise<void> {
  const missing = NO_REDIS ?? NO_SENTINEL;
  if (missing !== undefined) {
    cases.skip("gateways that share a Redis", missing);
    return;
  }
  const handOvers = short ? HAND_OVERS / 10 : HAND_OVERS;
  await cases.run(`50 leases of 20 ms, ${handOvers} hand-overs between paused holders`, () =>
    paused(handOvers),
  );
  const folder = mkdtempSync(join(tmpdir(), "beamgate-turns-"));
  const group = await startSentinelGroup();
  try {
    await cases.run("the trace finds what is sent to Redis in a client's turn", () =>
      control(folder, group.ports[0]),
    );
    await withGateways(cases, group, folder, short);
  } finally {
    await group.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function paused(handOvers: number): Promise<string> {
  const server = await startRedis();
  try {
    const report = await leaseHandOvers(server.url, handOvers, 50, 300_000);
    expect(report.handOvers >= handOvers, `only ${report.handOvers} hand-overs`);
    expect(report.doubleOwners === 0, `${report.doubleOwners} double owners`);
    return (
      `0 double owners in ${report.handOvers} hand-overs; ${report.acts} acts, of which ${report.refused} of ` +
      `those whose time was over were refused; ${report.pauses} pauses, ${report.seconds.toFixed(0)} s`
    );
  } finally {
    await server.remove();
  }
}

const traceFlag = () => {
  const tracer = join(packageRoot, "dist", "test", "support", "redis", "trace-turns.js");
  return `--import=file://${tracer}`;
};

function control(folder: string, port: number): string {
  const file = join(folder, "control.json");
  const program = join(packageRoot, "dist", "test", "support", "redis", "turn-control.js");
  const env = { ...process.env, REDIS_TURNS_FILE: file, REDIS_TURNS_PORTS: `${port}` };
  const { stderr } = spawnSync(process.execPath, [traceFlag(), program, `${port}`], {
    env,
    timeout: 30_000,
    encoding: "utf8",
  });
  expect(existsSync(file), `the control told nothing: ${stderr}`);
  const { commands, commandsInTurns } = readTurns(file);
  expect(commandsInTurns === 2, `${commandsInTurns} of the 2 in a turn were found`);
  expect(commands >= 5, `${commands} commands were seen`);
  return `2 of ${commands}`;
}

const readTurns = (file: string) => JSON.parse(readFileSync(file, "utf8")) as RedisTurns;

async function withGateways(
  cases: Cases,
  group: SentinelGroup,
  folder: string,
  short: boolean,
): Promise<void> {
  const repository = temporaryRepository();
  repository.add("echo", echoConfig({ name: "echo", maxBatchSize: 8, dims: [16], delayMs: 2 }));
  const files = [0, 1].map((at) => join(folder, `gateway-${at}.json`));
  const gateways: GatewayProcess[] = [];
  const loads: Load[] = [];
  try {
    for (const file of files) {
      gateways.push(
        await startGateway({
          repositories: [repository.folder],
          flags: ["--redis-sentinels", `127.0.0.1:${group.port}`],
          launcher: [
            "env",
            `NODE_OPTIONS=${traceFlag()}`,
            `REDIS_TURNS_FILE=${file}`,
            `REDIS_TURNS_PORTS=${[group.port, ...group.ports].join()}`,
          ],
        }),
      );
    }
    await cases.run("two gateways find each other by Sentinel", async () => {
      const ms = await recovered(gateways, group);
      return `${ms.toFixed(0)} ms after the second was ready`;
    });
    for (const [at, { grpcPort }] of gateways.entries()) {
      const ask = (client: number, turn: number) =>
        identityQuestion("echo", 1, 16, (at + 1) * 1_000_003 + client * 10_007 + turn);
      loads.push(new Load({ port: grpcPort, clients: 4, connections: 2, ask }));
    }
    await sleep(500);
    for (const [name, trouble] of Object.entries(TROUBLES)) {
      if (short && name.startsWith("hangs until")) continue;
      await cases.run(`under load, Redis ${name}: no request fails, and it is back in time`, () =>
        through(trouble, gateways, group, loads),
      );
    }
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    repository.remove();
  }
  await cases.run("no request sent anything to Redis, in all that time", () => {
    const turns = files.map(readTurns);
    const inTurns = turns.reduce((sum, { commandsInTurns }) => sum + commandsInTurns, 0);
    expect(inTurns === 0, `${inTurns} were: ${turns.find(({ stack }) => stack)?.stack}`);
    const answered = loads.reduce((sum, load) => sum + load.answered, 0);
    const [bytes, commands] = (["turns", "commands"] as const).map((figure) =>
      turns.reduce((sum, each) => sum + each[figure], 0),
    );
    expect(answered > 100, `only ${answered} requests were answered`);
    return `0 of ${commands} commands in ${bytes} turns of ${answered} requests`;
  });
}

/** Makes the trouble. Resolves when a Redis can be used again. */
type Trouble = (group: SentinelGroup) => Promise<void>;

const TROUBLES: Readonly<Record<string, Trouble>> = {
  "is emptied": async ({ master }) => void master().command("flushall"),
  "hangs for half a second": async ({ master }) => {
    const server = master();
    server.pause();
    await sleep(500);
    server.resume();
  },
  "is killed, and Sentinel fails over": async (group) => {
    const dead = group.master();
    await dead.kill();
    await failedOver(group, dead);
  },
  "is gone altogether, and comes back empty": async (group) => {
    const server = group.master();
    await server.kill();
    await sleep(AWAY_MS);
    await server.start([]);
  },
  "hangs until Sentinel fails over": async (group) => {
    const server = group.master();
    const [other, port] =
      server === group.servers[0]
        ? ([group.servers[1], group.ports[0]] as const)
        : ([group.servers[0], group.ports[1]] as const);
    await other.start(["--replicaof", "127.0.0.1", `${port}`]);
    const linked = () => other.command("info", "replication").includes("master_link_status:up");
    expect((await eventually(linked, 40_000, 100)) !== undefined, "there is no replica");
    server.pause();
    await failedOver(group, server);
    server.resume();
  },
};

async function failedOver(group: SentinelGroup, from: unknown): Promise<void> {
  const took = await eventually(
    () => {
      const now = group.master();
      return now !== from && now.command("role").startsWith("master");
    },
    30_000,
    20,
  );
  expect(took !== undefined, "Sentinel did not fail over");
}

async function through(
  trouble: Trouble,
  gateways: readonly GatewayProcess[],
  group: SentinelGroup,
  loads: readonly Load[],
): Promise<string> {
  const before = loads.map(({ answered, troubles }) => answered + troubles.length);
  const began = performance.now();
  await trouble(group);
  const outMs = performance.now() - began;
  const ms = await recovered(gateways, group);
  for (const [at, load] of loads.entries()) {
    expect(load.troubles.length === 0, `requests failed: ${load.describeTroubles()}`);
    const more = await eventually(() => load.answered > (before[at] ?? 0), 5_000);
    expect(more !== undefined, "a gateway answered nothing since");
  }
  const told = `${outMs.toFixed(0)} ms of trouble, back after ${ms.toFixed(0)} ms`;
  expect(ms <= RECOVERY_MS, `${told}; at most ${RECOVERY_MS} ms are allowed`);
  const longest = Math.max(...loads.map(({ longestMs }) => longestMs));
  return `${told}; longest request so far ${longest.toFixed(0)} ms`;
}

/** @returns ms until both are on Redis' own list, and both say that it is up */
async function recovered(
  gateways: readonly GatewayProcess[],
  group: SentinelGroup,
): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < 20_000) {
    const reports = await Promise.all(gateways.map(reportOf));
    const listed = reports.every(
      (each) => each.redis === "up" && each.listAgeSeconds < 1 && each.gateways.length === 2,
    );
    if (listed && group.master().command("hlen", "{beamgate}:gateways") === "2") break;
    await sleep(20);
  }
  return performance.now() - began;
}

async function reportOf({ httpPort }: GatewayProcess): Promise<ClusterReport> {
  const base = `http://127.0.0.1:${httpPort}/v2`;
  const ready = await fetch(`${base}/health/ready`);
  expect(ready.ok, `not ready: ${ready.status}`);
  // Answered with the next beat, in whose turn it is; the client's sends nothing.
  const statistics = await fetch(`${base}/models/echo/stats`);
  expect(statistics.ok, `no statistics: ${statistics.status}`);
  return (await (await fetch(`${base}/beamgate/gateways`)).json()) as ClusterReport;
}

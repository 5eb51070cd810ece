/** F28: what networks do between a gateway and one of two far servers, and between a gateway and its Redis. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterReport } from "../../../src/inference/gateway-report.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { freePort } from "../../support/free-port.ts";
import { type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { eventually } from "../../support/process-tree.ts";
import { NO_REDIS, startRedis } from "../../support/redis/redis-server.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";
import { FaultProxy, type NetworkFault } from "./fault-proxy.ts";

const IDLE_LIMIT_MS = 5_000;
/** Of one call to a far server: what a busy one that fell silent may cost. */
const CALL_LIMIT_MS = 1_000;
/** Clients wait this long at the most; nobody may have to. */
const DEADLINE_MS = 10_000;
const CLIENTS = 8;
const MODEL = { name: "jets", maxBatchSize: 8, dims: [16] };

const FAULTS: Readonly<Record<string, NetworkFault>> = {
  "30 ms of latency": { kind: "latency", ms: 30 },
  "no answers come back": { kind: "silence", of: "answers" },
  "no requests come through": { kind: "silence", of: "requests" },
  "nothing comes through, sockets open": { kind: "silence", of: "both" },
  "2 kB/s": { kind: "trickle", bytesPerSecond: 2_000 },
};
/** Where nothing but slowness is to be seen. */
const HARMLESS = new Set(["30 ms of latency"]);

export async function network(cases: Cases, short: boolean): Promise<void> {
  await farServers(cases, short ? 2_000 : 10_000);
  if (NO_REDIS === undefined) await farRedis(cases);
  else cases.skip("a network between gateway and Redis", NO_REDIS);
}

async function farServers(cases: Cases, ms: number): Promise<void> {
  const far = temporaryRepository();
  far.add("jets", echoConfig({ ...MODEL, delayMs: 5, more: "dynamic_batching { }" }));
  const near = temporaryRepository();
  const config = echoConfig({ ...MODEL, more: "dynamic_batching { }" });
  near.add("jets", config.replace('backend: "echo"', 'backend: "remote"'));
  const running: GatewayProcess[] = [];
  let proxy: FaultProxy | undefined;
  try {
    for (let at = 0; at < 2; at += 1) {
      running.push(await startGateway({ repositories: [far.folder] }));
    }
    const [first, second] = running.map(({ grpcPort }) => grpcPort);
    proxy = await FaultProxy.start(first ?? 0);
    const inFront = async (ports: readonly (number | undefined)[]) => {
      const servers = ports.map((port) => `127.0.0.1:${port}`);
      const options = { servers, healthMs: 500, timeoutMs: CALL_LIMIT_MS };
      const file = join(near.folder, "gateway.yaml");
      const settings = { backends: [{ kind: "remote", options }], breaker: { probeAfterMs: 300 } };
      writeFileSync(file, JSON.stringify(settings));
      const flags = ["--config", file];
      const gateway = await startGateway({ repositories: [near.folder], flags });
      running.push(gateway);
      return gateway;
    };
    await busy(cases, await inFront([proxy.port, second]), proxy, ms);
    await idle(cases, await inFront([proxy.port]), proxy);
  } finally {
    await proxy?.stop();
    await Promise.all(running.map((gateway) => gateway.stop()));
    far.remove();
    near.remove();
  }
}

const loadOn = ({ grpcPort }: GatewayProcess): Load =>
  new Load({
    ...{ port: grpcPort, clients: CLIENTS, connections: 2, timeoutMs: DEADLINE_MS, timed: true },
    ask: (client, turn) => identityQuestion("jets", 1 + (turn % 3), 16, client * 10_007 + turn),
  });

async function busy(
  cases: Cases,
  gateway: GatewayProcess,
  proxy: FaultProxy,
  ms: number,
): Promise<void> {
  const load = loadOn(gateway);
  await sleep(500);
  const through = (name: string, fault: () => void) =>
    cases.run(`between a gateway and a far server, under load: ${name}`, async () => {
      const since = performance.now();
      const { answered } = load;
      fault();
      await sleep(ms);
      proxy.heal();
      const healed = performance.now();
      expect(load.troubles.length === 0, load.describeTroubles());
      expect(load.answered > answered, "no answer at all");
      const stuck = [...load.waiting.values()].filter((at) => at < healed - DEADLINE_MS / 2);
      expect(stuck.length === 0, `${stuck.length} requests are stuck`);
      const longest = load.within(1, since);
      expect(longest <= DEADLINE_MS / 2, `one took ${longest.toFixed(0)} ms`);
      return `${load.answered - answered} answers, 0 errors, the longest ${longest.toFixed(0)} ms (a call: ${CALL_LIMIT_MS})`;
    });
  for (const [name, fault] of Object.entries(FAULTS)) await through(name, () => proxy.set(fault));
  await through("every connection is reset, again and again", () => {
    const again = setInterval(() => proxy.reset(), 100);
    setTimeout(() => clearInterval(again), ms / 2);
  });
  await load.stop();
}

async function idle(cases: Cases, gateway: GatewayProcess, proxy: FaultProxy): Promise<void> {
  for (const [name, fault] of Object.entries(FAULTS)) {
    if (HARMLESS.has(name) || fault.kind === "trickle") continue;
    await cases.run(`between a gateway and a far server that nobody asks: ${name}`, async () => {
      expect((await eventually(() => serves(gateway), 20_000)) !== undefined, "not ready");
      proxy.set(fault);
      const found = await eventually(async () => !(await serves(gateway)), 20_000);
      proxy.heal();
      expect(found !== undefined, "nobody noticed for 20 s");
      expect(found <= IDLE_LIMIT_MS, `found after ${found.toFixed(0)} ms`);
      const back = await eventually(() => serves(gateway), 20_000);
      expect(back !== undefined, "it is not back");
      return `found after ${found.toFixed(0)} ms, back ${back.toFixed(0)} ms after it was over`;
    });
  }
}

async function serves({ httpPort }: GatewayProcess): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${httpPort}/v2/models/jets/ready`)).ok;
}

async function farRedis(cases: Cases): Promise<void> {
  const redis = await startRedis({ port: await freePort() });
  const proxy = await FaultProxy.start(Number(new URL(redis.url).port));
  const models = temporaryRepository();
  models.add("jets", echoConfig({ ...MODEL, delayMs: 2 }));
  const gateway = await startGateway({
    ...{ repositories: [models.folder], flags: ["--redis-url", `redis://127.0.0.1:${proxy.port}`] },
  });
  const load = loadOn(gateway);
  try {
    for (const [name, fault] of Object.entries(FAULTS)) {
      await cases.run(`between a gateway and its Redis: ${name}`, async () => {
        const up = () => redisIs(gateway, "up");
        expect((await eventually(up, 10_000, 20)) !== undefined, "Redis is not up");
        const since = performance.now();
        proxy.set(fault);
        let found: number | undefined = 0;
        if (HARMLESS.has(name)) await sleep(1_000);
        else found = await eventually(async () => !(await up()), 10_000, 20);
        proxy.heal();
        const back = await eventually(up, 10_000, 20);
        expect(load.troubles.length === 0, load.describeTroubles());
        expect(found !== undefined || fault.kind === "trickle", "nobody noticed for 10 s");
        expect((found ?? 0) <= IDLE_LIMIT_MS || fault.kind === "trickle", `found after ${found}`);
        expect(back !== undefined, "it is not back");
        const p99 = load.within(0.99, since);
        return `0 errors, p99 ${p99.toFixed(0)} ms, told after ${found?.toFixed(0) ?? "–"} ms, back ${back.toFixed(0)} ms after it was over`;
      });
    }
  } finally {
    await load.stop();
    await gateway.stop();
    await proxy.stop();
    await redis.remove();
    models.remove();
  }
}

async function redisIs({ httpPort }: GatewayProcess, wanted: string): Promise<boolean> {
  const report = await fetch(`http://127.0.0.1:${httpPort}/v2/beamgate/gateways`);
  return ((await report.json()) as ClusterReport).redis === wanted;
}

/** F15: the wall clock of a gateway and its workers jumps, under load. Only who reads the date may notice. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterReport } from "../../../src/inference/gateway-report.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { startGateway } from "../../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { childrenOf, eventually, startTicks } from "../../support/process-tree.ts";
import { NO_REDIS, startRedis } from "../../support/redis/redis-server.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";

const LIBRARIES = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);
/** s, in this order, each from where the one before left it. */
const JUMPS = [3_600, -3_600, -7_200, 1, 0] as const;
const CLIENTS = 16;
const DEADLINE_MS = 10_000;

export async function clockJumps(cases: Cases, short: boolean): Promise<void> {
  const name = "the wall clock jumps by an hour and back, and by a leap second, under load";
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) {
    const missing = "libfaketime is not installed (apt install faketime)";
    if (env["CI"]) await cases.run(name, () => Promise.reject(new Error(missing)));
    else cases.skip(name, missing);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "beamgate-clock-"));
  const clock = join(folder, "clock");
  const jump = (seconds: number) => writeFileSync(clock, `${seconds >= 0 ? "+" : ""}${seconds}`);
  jump(0);
  const repository = temporaryRepository();
  const delayed = "dynamic_batching { max_queue_delay_microseconds: 5000 }";
  repository.add("echo", echoConfig({ name: "echo", maxBatchSize: 8, dims: [16], more: delayed }));
  const redis = NO_REDIS === undefined ? await startRedis() : undefined;
  const gateway = await startGateway({
    repositories: [repository.folder],
    flags: redis ? ["--redis-url", redis.url] : [],
    launcher: [
      "env",
      `LD_PRELOAD=${library}`,
      `FAKETIME_TIMESTAMP_FILE=${clock}`,
      ...["FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1"],
    ],
  });
  const load = new Load({
    ...{ port: gateway.grpcPort, clients: CLIENTS, connections: 4, timeoutMs: DEADLINE_MS },
    timed: true,
    ask: (client, turn) => identityQuestion("echo", 1 + (turn % 3), 16, client * 10_007 + turn),
  });
  try {
    await cases.run(name, async () => {
      await sleep(2_000);
      const ids = () =>
        childrenOf(gateway.pid)
          .map((pid) => `${pid}@${startTicks(pid)}`)
          .join();
      const workers = ids();
      const calmP99 = load.within(0.99, 0);
      const began = performance.now();
      const seen: string[] = [];
      for (const seconds of JUMPS) {
        jump(seconds);
        await sleep(short ? 1_000 : 5_000);
        const date = await dateOf(gateway.httpPort);
        const off = Math.round((date - Date.now()) / 1_000);
        expect(Math.abs(off - seconds) <= 2, `its clock is off by ${off} s, not by ${seconds} s`);
        seen.push(`${seconds}`);
        if (redis) await redisIsUp(gateway.httpPort);
      }
      expect(load.troubles.length === 0, load.describeTroubles());
      expect(ids() === workers, "a worker was replaced");
      const p99 = load.within(0.99, began);
      return `${seen.join(", ")} s: 0 failed of ${load.answered}, no worker replaced, p99 ${p99.toFixed(0)} ms, before ${calmP99.toFixed(0)}`;
    });
  } finally {
    await load.stop();
    await gateway.stop();
    await redis?.remove();
    repository.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the gateway takes for the time, ms. */
async function dateOf(httpPort: number): Promise<number> {
  const { headers } = await fetch(`http://127.0.0.1:${httpPort}/v2`);
  return Date.parse(headers.get("date") ?? "");
}

/** On a busy machine an answer of Redis may be late now and then, and it is "degraded" until the next. */
async function redisIsUp(httpPort: number): Promise<void> {
  let last = "";
  const up = await eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/v2/beamgate/gateways`);
    const { redis, gateways } = (await answer.json()) as ClusterReport;
    last = `Redis is ${redis}, ${gateways.length} gateways are known`;
    return redis === "up" && gateways.length === 1;
  }, 3_000);
  expect(up !== undefined, last);
}

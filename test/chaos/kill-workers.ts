/** `kill -9` of workers in the middle of their work, which no client may notice. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";
import { type Cases, expect } from "../support/cases.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { scrape, sum } from "../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { childrenOf, eventually } from "../support/process-tree.ts";
import { Load } from "./load.ts";
import { identityQuestion, simpleQuestion } from "./questions.ts";

const CLIENTS = 32;
const LEAST_REQUESTS = 10_000;
const LEAST_KILLS = 15;
const LEAST_MID_EXECUTION = 10;
const LIMIT_MS = 240_000;
const CALM_MS = 2_000;

/** Executions that were lost with a worker so far, over all models. */
async function lostExecutions(gateway: GatewayProcess): Promise<number> {
  return (
    sum(await scrape(gateway.metricsPort), "beamgate_lost_batches", { phase: "executing" }) ?? 0
  );
}

export async function killWorkers(cases: Cases, short: boolean): Promise<void> {
  const repository = temporaryRepository();
  const slow = { name: "slow", maxBatchSize: 8, dims: [16], delayMs: 20, instances: 2 };
  repository.add("slow", echoConfig({ ...slow, more: "dynamic_batching { }" }));
  const simple = join(packageRoot, "models", "simple");
  const withOnnx = existsSync(simple);
  if (withOnnx) cpSync(simple, join(repository.folder, "simple"), { recursive: true });
  const gateway = await startGateway({ repositories: [repository.folder] });
  const load = new Load({
    port: gateway.grpcPort,
    clients: CLIENTS,
    connections: 4,
    ...{ timeoutMs: 60_000, timed: true },
    ask: (client, turn) =>
      withOnnx && client % 4 === 0
        ? simpleQuestion(1 + (turn % 3), client * 100_003 + turn)
        : identityQuestion("slow", 1 + (turn % 3), 16, client * 100_003 + turn),
  });

  await new Promise((resolve) => setTimeout(resolve, CALM_MS));
  const began = performance.now();
  /** From the signal to the next process, ms; the pause for the metrics is in it. */
  const respawns: number[] = [];
  let killedAt = began;
  const wanted = short ? LEAST_KILLS : 2 * LEAST_KILLS;
  const workerCount = childrenOf(gateway.pid).length;
  let kills = 0;
  let midExecution = 0;
  const end = performance.now() + LIMIT_MS;
  const enough = () =>
    kills >= wanted && midExecution >= LEAST_MID_EXECUTION && load.answered >= LEAST_REQUESTS;
  while (!enough() && performance.now() < end) {
    const back = await eventually(() => childrenOf(gateway.pid).length >= workerCount, 10_000);
    if (kills > respawns.length && back !== undefined) respawns.push(performance.now() - killedAt);
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 300));
    if (kills >= wanted && midExecution >= LEAST_MID_EXECUTION) continue; // requests are still missing
    const workers = childrenOf(gateway.pid);
    const victim = workers[Math.floor(Math.random() * workers.length)];
    if (victim === undefined) continue;
    const before = await lostExecutions(gateway);
    killedAt = performance.now();
    process.kill(victim, "SIGKILL");
    kills += 1;
    await eventually(() => !childrenOf(gateway.pid).includes(victim), 2000);
    await new Promise((resolve) => setTimeout(resolve, 100)); // the gateway sees the exit, too
    if ((await lostExecutions(gateway)) > before) midExecution += 1;
  }
  await load.stop();

  await cases.run(`kill -9 of workers under ${CLIENTS} clients: no client sees an error`, () => {
    expect(
      load.troubles.length === 0,
      `${load.troubles.length} errors: ${load.describeTroubles()}`,
    );
    const [p99, calm] = [load.within(0.99, began), load.within(0.99, 0, began)];
    return (
      `0 errors of ${load.answered}, p99 ${p99.toFixed(0)} ms, before ${calm.toFixed(0)}, ` +
      `longest ${load.longestMs.toFixed(0)} ms`
    );
  });
  await cases.run(`at least ${LEAST_KILLS} kills, ${LEAST_MID_EXECUTION} in mid-execution`, () => {
    expect(kills >= LEAST_KILLS, `only ${kills} kills within ${LIMIT_MS} ms`);
    expect(
      midExecution >= LEAST_MID_EXECUTION,
      `only ${midExecution} of ${kills} kills raised beamgate_lost_batches{phase="executing"}`,
    );
    expect(load.answered >= LEAST_REQUESTS, `only ${load.answered} requests`);
    return `${kills} kills, ${midExecution} in mid-execution`;
  });
  await cases.run("every killed worker was replaced", async () => {
    const back = await eventually(() => childrenOf(gateway.pid).length >= workerCount, 10_000);
    expect(back !== undefined, `${childrenOf(gateway.pid).length} workers of ${workerCount}`);
    const took = respawns.toSorted((a, b) => a - b);
    const median = took[Math.floor(took.length / 2)] ?? 0;
    return `another process was there after ${median.toFixed(0)} ms (median), ${(took.at(-1) ?? 0).toFixed(0)} ms at the most`;
  });
  await gateway.stop();
  repository.remove();
}

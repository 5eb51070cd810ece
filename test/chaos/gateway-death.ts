/** SIGKILL of the gateway: workers and shared memory must not outlive it. */
import { existsSync } from "node:fs";
import { type Cases, expect } from "../support/cases.ts";
import { startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { childrenOf, eventually, isAlive, sharedMemoryOf } from "../support/process-tree.ts";
import { Load } from "./load.ts";
import { identityQuestion } from "./questions.ts";

const LIMIT_MS = 1000;
const BUSY_ROWS = 1024;

export async function gatewayDeath(cases: Cases): Promise<void> {
  const repository = temporaryRepository();
  const dims = [16];
  // A full batch blocks the worker's only thread far longer than the limit, as native code does.
  const busy = { name: "busy", maxBatchSize: BUSY_ROWS, dims, delayUsPerRow: 10_000 };
  repository.add("busy", echoConfig(busy));
  repository.add("slow", echoConfig({ name: "slow", maxBatchSize: 4, dims, delayMs: 20 }));
  const gateway = await startGateway({ repositories: [repository.folder] });
  const load = new Load({
    port: gateway.grpcPort,
    clients: 16,
    connections: 2,
    ask: (client, turn) =>
      client < 4
        ? identityQuestion("busy", BUSY_ROWS, 16, client * 10_007 + turn)
        : identityQuestion("slow", 1, 16, client * 10_007 + turn),
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const workers = childrenOf(gateway.pid);
  const files = new Set([gateway.pid, ...workers].flatMap(sharedMemoryOf));
  process.kill(gateway.pid, "SIGKILL");
  const goneMs = await eventually(() => !workers.some(isAlive), 5000);
  await gateway.exited;
  await load.stop();

  await cases.run(`SIGKILL of the gateway: all workers are gone within ${LIMIT_MS} ms`, () => {
    expect(workers.length > 0, "there was no worker");
    expect(goneMs !== undefined, `alive after 5 s: ${workers.filter(isAlive).join(", ")}`);
    expect(goneMs <= LIMIT_MS, `the last one ended after ${goneMs.toFixed(0)} ms`);
    return `${workers.length} workers in ${goneMs.toFixed(0)} ms`;
  });
  await cases.run("no shared memory is left in /dev/shm", () => {
    expect(files.size > 0, "no process had shared memory mapped: the test proves nothing");
    const left = [...files].filter((file) => existsSync(file));
    expect(left.length === 0, `left: ${left.join(", ")}`);
    return `${files.size} slabs`;
  });
  for (const pid of workers) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  repository.remove();
}

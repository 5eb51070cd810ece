/** F25: a gateway that stands still for more than a second. It tells so, and neither its workers nor its clients are lost. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Cases, expect } from "../../support/cases.ts";
import { startGateway } from "../../support/gateway-process.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { childrenOf, eventually, isAlive } from "../../support/process-tree.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";

const STALL_MS = 1_500;
const SEEN_LIMIT_MS = 1_000;

export async function stall(cases: Cases, short: boolean): Promise<void> {
  const repository = temporaryRepository();
  const slow = { name: "slow", maxBatchSize: 8, dims: [16], delayMs: 20 };
  repository.add("slow", echoConfig({ ...slow, more: "dynamic_batching { }" }));
  const gateway = await startGateway({ repositories: [repository.folder] });
  const load = new Load({
    ...{ port: gateway.grpcPort, clients: 16, connections: 4, timeoutMs: 20_000 },
    ask: (client, turn) => identityQuestion("slow", 1 + (turn % 3), 16, client * 10_007 + turn),
  });
  try {
    for (let time = 0; time < (short ? 1 : 5); time += 1) {
      await cases.run(`a gateway that stands still for ${STALL_MS} ms`, async () => {
        await sleep(2_000);
        const workers = childrenOf(gateway.pid);
        const { answered } = load;
        process.kill(gateway.pid, "SIGSTOP");
        await sleep(STALL_MS);
        process.kill(gateway.pid, "SIGCONT");
        const seen = await eventually(
          async () => (await stalledSeconds(gateway.metricsPort)) >= STALL_MS / 1_000 - 0.1,
          5_000,
        );
        expect(seen !== undefined && seen <= SEEN_LIMIT_MS, `its metrics told it after ${seen} ms`);
        await sleep(500);
        const lost = workers.filter((pid) => !isAlive(pid));
        expect(lost.length === 0, `a worker was taken for dead:\n${gateway.log().slice(-800)}`);
        expect(load.troubles.length === 0, load.describeTroubles());
        expect(load.answered > answered, "no answer since");
        return `in its metrics ${seen.toFixed(0)} ms after it went on, no worker replaced, 0 lost of ${load.answered}`;
      });
    }
  } finally {
    await load.stop();
    await gateway.stop();
    repository.remove();
  }
}

async function stalledSeconds(metricsPort: number): Promise<number> {
  const samples = await scrape(metricsPort);
  return sum(samples, "beamgate_event_loop_delay_seconds", { quantile: "1" }) ?? 0;
}

/** F24: fifty models are loaded at once, beside one that serves. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../../src/package-root.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { startGateway } from "../../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";

const MODELS = 50;
const CALM_MS = 3_000;
/** A load of all takes a second: the p99 of one alone is that of a hundred answers. */
const ROUNDS = 5;
const LIMIT = 1.3;

export async function manyLoads(cases: Cases): Promise<void> {
  const repository = temporaryRepository();
  repository.add("echo", echoConfig({ name: "echo", maxBatchSize: 8, dims: [16], delayMs: 10 }));
  const simple = join(packageRoot, "models", "simple");
  const names = Array.from({ length: MODELS }, (_, at) => `model-${at}`);
  for (const name of names) {
    if (existsSync(simple)) {
      const folder = join(repository.folder, name);
      cpSync(simple, folder, { recursive: true });
      const file = join(folder, "config.pbtxt");
      const config = readFileSync(file, "utf8");
      writeFileSync(file, config.replace(/^name:.*$/m, `name: "${name}"`));
    } else repository.add(name, echoConfig({ name, maxBatchSize: 8, dims: [16] }));
  }
  const gateway = await startGateway({
    repositories: [repository.folder],
    flags: ["--model-control-mode", "explicit", "--load-model", "echo"],
  });
  const models = `http://127.0.0.1:${gateway.httpPort}/v2/repository/models`;
  const all = (action: "load" | "unload") =>
    Promise.all(
      names.map(async (name) => {
        const { ok, status } = await fetch(`${models}/${name}/${action}`, {
          method: "POST",
          body: "{}",
        });
        expect(ok, `${action} of ${name}: ${status}`);
      }),
    );
  const load = new Load({
    ...{ port: gateway.grpcPort, clients: 4, connections: 2, timed: true },
    ask: (client, turn) => identityQuestion("echo", 1 + (turn % 3), 16, client * 10_007 + turn),
  });
  try {
    await cases.run(`${MODELS} models are loaded at once beside one that serves`, async () => {
      await sleep(500);
      const calm: number[] = [];
      const during: number[] = [];
      let loadedIn = 0;
      let noise = 1;
      for (let round = 0; round < ROUNDS; round += 1) {
        const since = performance.now();
        await sleep(CALM_MS);
        const middle = since + CALM_MS / 2;
        const halves = [load.within(0.99, since, middle), load.within(0.99, middle)];
        calm.push(...halves);
        // What the machine does by itself between two halves of calm is no fault of the loads.
        noise = Math.max(noise, Math.max(...halves) / Math.max(1, Math.min(...halves)));
        const began = performance.now();
        await all("load");
        loadedIn = performance.now() - began;
        during.push(load.within(0.99, began));
        await all("unload");
      }
      const mean = (list: readonly number[]) =>
        list.reduce((sum, each) => sum + each, 0) / list.length;
      const ratio = mean(during) / mean(calm);
      const told =
        `0 failed of ${load.answered}, loaded in ${loadedIn.toFixed(0)} ms; p99 ${mean(during).toFixed(0)} ms, ` +
        `before ${mean(calm).toFixed(0)} (${ratio.toFixed(2)} ×, to reach ${LIMIT}; two calms differ by ${noise.toFixed(2)} ×)`;
      expect(load.troubles.length === 0, load.describeTroubles());
      expect(ratio <= LIMIT * noise, told);
      return told;
    });
  } finally {
    await load.stop();
    await gateway.stop();
    repository.remove();
  }
}

/**
 * Boards that misbehave under load, one fault after the other: an emulated U50 under the real XRT, an
 * Intel-style board on PoCL and the CPU serve one name, and no client may notice.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { missingXrt } from "../../backends/xilinx-u50/testing/boards.ts";
import type { DeviceReport } from "../../src/inference/device-report.ts";
import { type Cases, expect } from "../support/cases.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { scrape, sum } from "../support/metrics.ts";
import { temporaryRepository } from "../support/model-repository.ts";
import { isAlive } from "../support/process-tree.ts";
import { addSimpleOnBoards } from "../support/simple-on-boards.ts";
import { Load } from "./load.ts";
import { simpleQuestion } from "./questions.ts";

const CLIENTS = 32;
const U50 = "u50-emulated-0";
/** Every fault lasts as long, ms; the watchdog needs a second of it. */
const FAULT_MS = 6_000;
const RECOVERY_MS = 40_000;

/** As the board reads them, see backends/xilinx-u50/board/faults.ts. */
const FAULTS = {
  "exits at a call": { die: "exit" },
  "is killed at a call": { die: "kill" },
  "never says that it is done": { neverDone: true },
  "brings half of the answer": { wrongLength: true },
  "is ten times as slow": { slow: { factor: 10, ms: 20 } },
  "refuses its image, after its worker died": { refuseImage: true },
} as const;

export async function badBoards(cases: Cases, short: boolean): Promise<void> {
  const missing = missingXrt();
  if (missing !== undefined) {
    if (env["CI"]) await cases.run("boards", () => Promise.reject(new Error(missing)));
    else cases.skip("boards", missing);
    return;
  }
  const repository = temporaryRepository();
  addSimpleOnBoards(repository.folder);
  const faultsFile = join(repository.folder, "faults.json");
  const misbehave = (faults: object) => writeFileSync(faultsFile, JSON.stringify(faults));
  misbehave({});
  const config = join(repository.folder, "gateway.yaml");
  const settings = {
    backends: [
      { kind: "xilinx-u50", options: { emulated: { boards: 1, faultsFile } } },
      { kind: "intel-fpga", options: { emulated: { boards: 1 } } },
    ],
    routing: { policy: "preference" },
    workers: { executionTimeoutMs: 1_000, heartbeatMs: 250 },
    breaker: { probeAfterMs: 500 },
  };
  writeFileSync(config, JSON.stringify(settings));
  const gateway = await startGateway({
    repositories: [repository.folder],
    flags: ["--config", config],
  });
  const load = new Load({
    port: gateway.grpcPort,
    clients: CLIENTS,
    connections: 4,
    timeoutMs: 60_000,
    ask: (client, turn) => simpleQuestion(1 + (turn % 3), client * 100_003 + turn),
  });
  const sick = () =>
    u50Of(gateway).then((board) => board?.breaker !== "closed" || board.state !== "ready");

  for (const [fault, faults] of Object.entries(FAULTS)) {
    await cases.run(`a board that ${fault}, under ${CLIENTS} clients`, async () => {
      const before = { answered: load.answered, troubles: load.troubles.length };
      misbehave(faults);
      if ("refuseImage" in faults) await killWorkerOf(gateway);
      let noticed = false;
      const end = performance.now() + (short ? FAULT_MS / 2 : FAULT_MS);
      while (performance.now() < end) {
        noticed ||= await sick();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      misbehave({});
      expect(isAlive(gateway.pid), `the gateway died:\n${gateway.log().slice(-1500)}`);
      const troubles = load.troubles.length - before.troubles;
      expect(troubles === 0, `${troubles} errors: ${load.describeTroubles()}`);
      expect(load.answered > before.answered, "no answer at all");
      if (!("slow" in faults)) expect(noticed, "neither its breaker opened nor did it fail");
      const back = await becomes(async () => !(await sick()));
      expect(back, `it is not back: ${JSON.stringify(await u50Of(gateway))}`);
      const { executions = 0 } = (await u50Of(gateway)) ?? {};
      const again = await becomes(
        async () => ((await u50Of(gateway))?.executions ?? 0) > executions,
      );
      expect(again, "it gets no requests any more");
      return `${load.answered - before.answered} answers, longest so far ${load.longestMs.toFixed(0)} ms`;
    });
  }
  await load.stop();
  await cases.run("the failures were counted, and nobody heard of them", async () => {
    const failovers = sum(await scrape(gateway.metricsPort), "beamgate_failovers_total", {}) ?? 0;
    expect(failovers > 0, "no request went to another variant");
    expect(load.troubles.length === 0, load.describeTroubles());
    return `${load.answered} right answers, ${failovers} requests moved`;
  });
  await gateway.stop();
  repository.remove();
}

async function devicesOf({ httpPort }: GatewayProcess): Promise<readonly DeviceReport[]> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v2/beamgate/devices`);
  return (await response.json()) as DeviceReport[];
}

async function u50Of(gateway: GatewayProcess): Promise<DeviceReport | undefined> {
  return (await devicesOf(gateway)).find(({ id }) => id === U50);
}

async function becomes(claim: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + RECOVERY_MS;
  while (performance.now() < end) {
    if (await claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return claim();
}

async function killWorkerOf(gateway: GatewayProcess): Promise<void> {
  const pid = (await u50Of(gateway))?.workerPid;
  expect(pid !== undefined && pid > 0, "no worker drives the board");
  if (pid !== undefined) process.kill(pid, "SIGKILL");
}

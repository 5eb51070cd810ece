/**
 * A metrics port with the counters of 200 models and 20 tenants: `scrape-server.js TURNS` scrapes itself, with all
 * counters moving between two scrapes, and says how long an answer takes and how long the event loop stood still.
 */
import { once } from "node:events";
import { get } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createMetricsServer } from "../../../src/http/metrics-server.ts";
import { ANYBODY, DEFAULT_TENANT } from "../../../src/inference/caller.ts";
import { newTimeline } from "../../../src/inference/timeline.ts";
import { silent } from "../../../src/logger.ts";
import { ModelAccount } from "../../../src/telemetry/account.ts";
import { Ledger } from "../../../src/telemetry/ledger/ledger.ts";
import { ledgerMetrics } from "../../../src/telemetry/ledger/ledger-metrics.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { StageTimes } from "../../../src/telemetry/stage-times.ts";
import { aSignature } from "../../support/requests.ts";
import { print } from "./print.ts";

const MODELS = 200;
const TENANTS = 20;
const WARM_UP = 10;
const turns = Number(argv[2] ?? "20");

const stages = new StageTimes();
const account = new ModelAccount(Date.now, stages);
const ledger = new Ledger();
const models = Array.from({ length: MODELS }, (_, at) => aSignature({ name: `model_${at}` }));
const callers = Array.from({ length: TENANTS }, (_, index) => ({
  ...ANYBODY,
  tenant: { ...DEFAULT_TENANT, name: `experiment_${index}`, index },
}));
const device = { id: "cpu:x86_64", vendor: "cpu", platform: "x86_64" };
const timing = { inputUs: 10, inferUs: 100, outputUs: 5 };

function traffic(turn: number): void {
  for (const [at, signature] of models.entries()) {
    account.execution({ signature, rows: TENANTS, timing });
    for (const caller of callers) {
      const received = 1000 * turn;
      const timeline = { ...newTimeline(received), queued: received + 0.1 };
      timeline.dispatched = received + 1 + (at % 7);
      timeline.answered = timeline.dispatched + 2;
      const outcome = {
        ...{ signature, rows: 1, timeline, failure: undefined, execution: timing },
        ...{ caller, device, batchRows: TENANTS, bytesOut: 64 },
      };
      account.request(outcome);
      ledger.ended(outcome);
    }
  }
}

/** Bytes of the page, which are only counted; ms until the last. */
function scrape(port: number): Promise<{ bytes: number; tookMs: number }> {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    get({ port, path: "/metrics", agent: false }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
      });
      response.once("end", () => resolve({ bytes, tookMs: performance.now() - begin }));
      response.once("error", reject);
    }).once("error", reject);
  });
}

/** A scraper has an event loop of its own. */
function scraper(): void {
  parentPort?.on("message", async () => {
    parentPort?.postMessage(await scrape(workerData.port as number));
  });
}

async function measure(): Promise<void> {
  const metrics = createMetrics({
    models: () => account.all(),
    others: ledgerMetrics(() => ledger.rows()),
    histograms: stages.families(),
  });
  const server = createMetricsServer({ address: "127.0.0.1", port: 0, log: silent, metrics });
  await server.start();
  const client = new Worker(fileURLToPath(import.meta.url), { workerData: { port: server.port } });
  const tookMs: number[] = [];
  const stalledMs: number[] = [];
  const cpuMs: number[] = [];
  let bytes = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (let turn = 1; turn <= WARM_UP + turns; turn += 1) {
    traffic(turn);
    await new Promise((resolve) => setTimeout(resolve, 20));
    delay.reset();
    delay.enable();
    const before = process.cpuUsage();
    const answered = once(client, "message");
    client.postMessage("scrape");
    const [told] = (await answered) as [{ bytes: number; tookMs: number }];
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    if (turn <= WARM_UP) continue;
    bytes = told.bytes;
    tookMs.push(told.tookMs);
    cpuMs.push((user + system) / 1000);
    stalledMs.push(Math.max(0, delay.max / 1e6 - 1));
  }
  await client.terminate();
  await server.stop();
  print({ tookMs, stalledMs, cpuMs, bytes });
}

if (isMainThread) await measure();
else scraper();

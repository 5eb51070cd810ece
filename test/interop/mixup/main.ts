/**
 * No row ever reaches the wrong client: requests of many models and sizes from
 * several processes, each answer compared with its rows run alone. And rows of
 * many small requests do share batches.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { runLoad } from "../../../loadtest/drivers/raw-http2/run-load.ts";
import { encodeInferRequest } from "../../../src/grpc/codec/encode-request.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { Cases, expect } from "../../support/cases.ts";
import { type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { type Sample, scrape, sum } from "../../support/metrics.ts";
import { modelMetadata } from "../../support/model-metadata.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import type { ClientOrder, ClientReport, ModelOrder } from "./client.ts";

const REQUESTS = argv.includes("--short") ? 20_000 : 100_000;
const CONCURRENCY = 64;
const PROCESSES = 2;
const SIZES = [1, 1, 1, 1, 1, 2, 3, 5, 8, 17, 64];
const REPRODUCIBLE_SHARE = 0.05;
const LEAST_ROWS_PER_BATCH = 8;
const SHARED_MODELS = join(packageRoot, "..", "shared", "models");

interface MixedModel {
  readonly file: string;
  readonly lengths?: readonly number[];
  readonly weight: number;
}

/** Small real models, some of whose last bits depend on the batch. */
const MIXED: Readonly<Record<string, MixedModel>> = {
  jets: { file: "onnx/hls4ml_jet_tagger_16.onnx", weight: 4 },
  jets_fp16: { file: "onnx/hls4ml_jet_tagger_16_fp16.onnx", weight: 2 },
  anomaly: { file: "onnx/axol1tl_v4.onnx", weight: 2 },
  superclusters: { file: "onnx/cms_hgcal_supercluster_mlp.onnx", weight: 2 },
  seeds: { file: "onnx/acts_seed_duplicate_classifier.onnx", weight: 2 },
  chain: { file: "onnx/synthetic_matmul_chain_256x8.onnx", weight: 1 },
  deepjet: { file: "onnx/cms_deepjet_run3.onnx", weight: 1 },
  edges: { file: "onnx/exatrkx_edge_filter_mlp.onnx", weight: 1 },
  sums: { file: "triton_repo/simple/1/model.onnx", weight: 2 },
};

function shared(file: string): Uint8Array | undefined {
  const path = join(SHARED_MODELS, file);
  return existsSync(path) ? readFileSync(path) : undefined;
}

function configOf(name: string): string {
  return `name: "${name}"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 128\ndynamic_batching { }\n`;
}

function invariant(samples: readonly Sample[], model: string): boolean {
  return sum(samples, "beamgate_model_batch_invariant", { model, version: "1" }) === 1;
}

function client(order: ClientOrder): Promise<ClientReport> {
  const program = join(packageRoot, "dist", "test", "interop", "mixup", "client.js");
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(order)], (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(JSON.parse(stdout) as ClientReport);
    });
  });
}

async function mixed(cases: Cases, gateway: GatewayProcess, orders: readonly ModelOrder[]) {
  const reports: ClientReport[] = [];
  const add = (count: (report: ClientReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  await cases.run(
    `${REQUESTS} requests over ${orders.length} models at concurrency ${CONCURRENCY}: every row is its own`,
    async () => {
      const seeds = Array.from({ length: PROCESSES }, (_, at) => at + 1);
      const work = { requests: REQUESTS / PROCESSES, concurrency: CONCURRENCY / PROCESSES };
      const rest = {
        port: gateway.grpcPort,
        models: orders,
        sizes: SIZES,
        reproducibleShare: REPRODUCIBLE_SHARE,
      };
      reports.push(...(await Promise.all(seeds.map((seed) => client({ seed, ...work, ...rest })))));
      const examples = reports.flatMap((report) => report.examples);
      const mistakes = add((report) => report.mistakes);
      expect(mistakes === 0, `${mistakes} mistakes:\n${examples.join("\n")}`);
      const answered = add((report) => report.answered);
      expect(answered === REQUESTS, `only ${answered} requests`);
      const exact = orders.filter((order) => order.exact).length;
      return `${add((report) => report.rows)} rows; ${exact} of ${orders.length} models bit for bit`;
    },
  );
  await cases.run("requests that ask for `reproducible` are bit-equal for every model", () => {
    const count = add((report) => report.reproducible);
    expect(count > REQUESTS / 100, `only ${count} such requests`);
    return `${count} requests`;
  });
  await cases.run(
    "the batch size really varied: rows of different requests were joined",
    async () => {
      const samples = await scrape(gateway.metricsPort);
      const rows = sum(samples, "nv_inference_count") ?? 0;
      const batches = sum(samples, "nv_inference_exec_count") ?? 0;
      const answered = add((report) => report.answered);
      expect(batches < answered, `${batches} executions for ${answered} requests`);
      return `${(rows / batches).toFixed(1)} rows per execution`;
    },
  );
}

/** Rows per batch that 64 one-row clients, each on a connection of its own, get from `model`. */
async function density(gateway: GatewayProcess, model: string): Promise<number> {
  const count = async () => {
    const samples = await scrape(gateway.metricsPort);
    const of = (name: string) => sum(samples, name, { model, version: "1" }) ?? 0;
    return { rows: of("nv_inference_count"), batches: of("nv_inference_exec_count") };
  };
  const x = new Uint8Array(new Float32Array(16).fill(0.5).buffer);
  const { inputs } = await modelMetadata(gateway.grpcPort, model);
  const message = encodeInferRequest(
    {
      model,
      version: "",
      id: "",
      parameters: undefined,
      inputs: [
        {
          name: inputs[0]?.name ?? "",
          datatype: "FP32",
          shape: [1, 16],
          parameters: undefined,
          data: { byteLength: x.byteLength, pieces: [x] },
        },
      ],
      outputs: [],
    },
    0,
  );
  const before = await count();
  const report = await runLoad({
    host: "127.0.0.1",
    port: gateway.grpcPort,
    request: {
      authority: `127.0.0.1:${gateway.grpcPort}`,
      path: "/inference.GRPCInferenceService/ModelInfer",
      message,
    },
    connections: CONCURRENCY,
    concurrency: CONCURRENCY,
    warmupMs: 0,
    until: { kind: "requests", count: 20_000 },
  });
  expect(report.failed === 0, `failed: ${JSON.stringify(report.errors)}`);
  const after = await count();
  return (after.rows - before.rows) / (after.batches - before.batches);
}

const cases = new Cases();
const repository = temporaryRepository();
const echo = { name: "echo", maxBatchSize: 128, dims: [-1], more: "dynamic_batching { }" };
repository.add("echo", echoConfig(echo));
const orders: Omit<ModelOrder, "exact">[] = [{ name: "echo", lengths: [1, 7, 16], weight: 1 }];
for (const [name, model] of Object.entries(MIXED)) {
  const bytes = shared(model.file);
  if (!bytes) {
    cases.skip(`model ${name}`, `../shared/models/${model.file} is not there`);
    continue;
  }
  repository.add(name, configOf(name), { "1/model.onnx": bytes });
  orders.push({ name, lengths: model.lengths ?? [16], weight: model.weight });
}
const gateway = await startGateway({ repositories: [repository.folder] });
const samples = await scrape(gateway.metricsPort);
const exactly = orders.map((order) => ({ ...order, exact: invariant(samples, order.name) }));
await cases.run("the gateway says which models are batch-invariant", () => {
  const known = orders.filter(
    ({ name }) => sum(samples, "beamgate_model_batch_invariant", { model: name }) !== undefined,
  );
  expect(known.length === orders.length, `beamgate_model_batch_invariant knows ${known.length}`);
  return exactly.map(({ name, exact }) => `${name} ${exact ? "yes" : "no"}`).join(", ");
});
await mixed(cases, gateway, exactly);
const tagger = orders.some(({ name }) => name === "jets") ? "jets" : "echo";
await cases.run("64 one-row clients fill batches", async () => {
  const rows = await density(gateway, tagger);
  expect(rows >= LEAST_ROWS_PER_BATCH, `${rows.toFixed(1)} rows per batch of ${tagger}`);
  return `${rows.toFixed(1)} rows per batch of ${tagger}`;
});
await gateway.stop();
repository.remove();
process.exit(cases.finish());

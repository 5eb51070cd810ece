/**
 * Experiments on the devices of one gateway, each known by its API key: whose rows are served is counted by the
 * gateway while all of them wait, so that a busy machine changes how long it takes and nothing else.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backlogs } from "../support/backlogs.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { keyedTenants } from "../support/keyed-tenants.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { jain, quantile } from "../support/shared-devices/figures.ts";

const LIMIT_MS = 120_000;
/** Of the models: 19 ms a batch. */
const BATCH_ROWS = 64;
const US_PER_ROW = 300;
/** One that runs and one behind it. */
const RUNNING_ROWS = 2 * BATCH_ROWS;

const equals = ["lhcb", "alice", "belle", "dune", "faser"] as const;
const repository = temporaryRepository();
const tenants = keyedTenants({
  ...{ cms: { weight: 2 }, atlas: {}, training: {}, promised: { guarantee: 0.6 } },
  heavy: { weight: 10 },
  ...Object.fromEntries(equals.map((name) => [name, {}])),
});
let gateway: GatewayProcess;
let backlogs: Backlogs;

beforeAll(async () => {
  const model = { maxBatchSize: BATCH_ROWS, dims: [2], delayUsPerRow: US_PER_ROW };
  for (const name of ["weighed", "promised", "equal", "quiet"]) {
    repository.add(name, echoConfig({ name, ...model, more: "dynamic_batching { }" }));
  }
  gateway = await startGateway({ repositories: [repository.folder], flags: tenants.flags });
  backlogs = new Backlogs(gateway, tenants.headersOf);
}, LIMIT_MS);
afterAll(async () => {
  backlogs?.close();
  await gateway?.stop();
  repository.remove();
  tenants.remove();
});

const total = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0);
const percent = (part = 0, whole = 1) => `${((100 * part) / whole).toFixed(2)} %`;

describe("three experiments with weights 2:1:1, one of whom asks for ten times its share", {
  timeout: LIMIT_MS,
}, () => {
  it("get the rows that they were promised to within 1 %", async ({ annotate }) => {
    const { rows } = await backlogs.shares(
      [
        { tenant: "training", model: "weighed", requests: 3000, rows: 16 },
        { tenant: "cms", model: "weighed", requests: 600, rows: 16 },
        { tenant: "atlas", model: "weighed", requests: 600, rows: 8 },
      ],
      RUNNING_ROWS,
    );
    const all = total(rows);
    const [training, cms, atlas] = rows.map((each) => percent(each, all));
    await annotate(`of ${all} rows: cms ${cms}, atlas ${atlas}, training ${training}`);
    // A window that is so long that its ends, a request each, do not matter.
    expect(all).toBeGreaterThan(100 * BATCH_ROWS);
    expect(rows[1]).toBeGreaterThanOrEqual(0.99 * 0.5 * all);
    expect(rows[2]).toBeGreaterThanOrEqual(0.99 * 0.25 * all);
  });

  it("get a guarantee, whatever weights the others have", async ({ annotate }) => {
    const { rows } = await backlogs.shares(
      [
        { tenant: "heavy", model: "promised", requests: 1000, rows: 16 },
        { tenant: "promised", model: "promised", requests: 300, rows: 16 },
      ],
      RUNNING_ROWS,
    );
    const all = total(rows);
    await annotate(`of ${all} rows: promised 60 %, got ${percent(rows[1], all)}`);
    expect(all).toBeGreaterThan(30 * BATCH_ROWS);
    expect(rows[1]).toBeGreaterThanOrEqual(0.99 * 0.6 * all);
  });
});

describe("equal experiments", { timeout: LIMIT_MS }, () => {
  it("get equal rows, however many they ask for and however large their requests are", async ({
    annotate,
  }) => {
    const { rows } = await backlogs.shares(
      equals.map((tenant, at) => ({
        ...{ tenant, model: "equal", rows: 4 + 3 * at },
        requests: Math.ceil((1500 * (1 + at)) / (4 + 3 * at)),
      })),
      RUNNING_ROWS,
    );
    await annotate(`Jain's index ${jain(rows).toFixed(4)} of ${rows.join(", ")} rows`);
    expect(total(rows)).toBeGreaterThan(30 * BATCH_ROWS);
    expect(jain(rows)).toBeGreaterThanOrEqual(0.98);
  });
});

describe("an experiment that asks for four fifths of its share", { timeout: LIMIT_MS }, () => {
  it("is answered in full beside a flood; how long it waits is told", async ({ annotate }) => {
    const alone = await steadily("cms");
    const over = new AbortController();
    const flood = flooding("training", over.signal);
    const beside = await steadily("cms");
    over.abort();
    await flood;
    const p99 = (tookMs: readonly number[]) => `${quantile(tookMs, 0.99).toFixed(1)} ms`;
    const batch = `a batch takes ${(BATCH_ROWS * US_PER_ROW) / 1000} ms`;
    await annotate(`p99 alone ${p99(alone)}, beside the flood ${p99(beside)}; ${batch}`);
    expect(beside).toHaveLength(alone.length);
  });
});

/** Of a request of the model `quiet`. */
const ROWS = 16;

function ask(client: InferClient, tenant: string): Promise<unknown> {
  const data = new Uint8Array(ROWS * 8);
  const inputs = [{ name: "INPUT0", datatype: "FP32", shape: [ROWS, 2], data }];
  const question = encodeQuestion({ model: "quiet", inputs });
  return client.infer(question, LIMIT_MS, tenants.headersOf(tenant));
}

/** Rows at four fifths of half of the device, for two seconds. @returns from question to answer, ms. @throws where one fails */
async function steadily(tenant: string): Promise<readonly number[]> {
  const client = new InferClient(gateway.grpcPort);
  const everyMs = (ROWS * US_PER_ROW) / 1000 / (0.8 * 0.5);
  const took: Promise<number>[] = [];
  for (const start = performance.now(); took.length * everyMs < 2_000; ) {
    const asked = performance.now();
    took.push(ask(client, tenant).then(() => performance.now() - asked));
    const inMs = start + took.length * everyMs - performance.now();
    if (inMs > 0) await new Promise((resolve) => setTimeout(resolve, inMs));
  }
  const all = await Promise.all(took);
  client.close();
  return all;
}

/** Keeps ten batches waiting. */
async function flooding(tenant: string, signal: AbortSignal): Promise<void> {
  const client = new InferClient(gateway.grpcPort);
  const one = async () => {
    while (!signal.aborted) await ask(client, tenant);
  };
  await Promise.all(Array.from({ length: (10 * BATCH_ROWS) / ROWS }, one));
  client.close();
}

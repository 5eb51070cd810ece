/**
 * Fifty experiments on one gateway: one floods, the others ask for four fifths of what they are promised. They ask by
 * the rows that the gateway answers, so that a busy machine changes how long it takes and nothing else.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { keyedTenants } from "../support/keyed-tenants.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { jain } from "../support/shared-devices/figures.ts";

const LIMIT_MS = 120_000;
const TENANTS = 50;
const ROWS = 8;
const BATCH_ROWS = 64;
const US_PER_ROW = 300;
/** Of the flood: ten batches of its own wait whatever happens. */
const CALLS = (10 * BATCH_ROWS) / ROWS;
/** For so many rows that the gateway answers, each of the others asks for `ROWS`: four fifths of a fiftieth. */
const ROWS_BETWEEN = (ROWS * TENANTS) / 0.8;
const REQUESTS = 80;

const names = Array.from({ length: TENANTS }, (_, at) => `experiment-${at}`);
const [flooding = "", ...others] = names;
const repository = temporaryRepository();
const tenants = keyedTenants(
  Object.fromEntries(names.map((name) => [name, { guarantee: 1 / TENANTS }])),
);
let gateway: GatewayProcess;

beforeAll(async () => {
  const model = { name: "echo", maxBatchSize: BATCH_ROWS, dims: [2], delayUsPerRow: US_PER_ROW };
  repository.add("echo", echoConfig({ ...model, more: "dynamic_batching { }" }));
  gateway = await startGateway({ repositories: [repository.folder], flags: tenants.flags });
}, LIMIT_MS);
afterAll(async () => {
  await gateway?.stop();
  repository.remove();
  tenants.remove();
});

class Experiment {
  asked = 0;
  answered = 0;
  readonly failures: string[] = [];
  readonly #tenant: string;
  readonly #client = new InferClient(gateway.grpcPort);

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  async ask(): Promise<void> {
    this.asked += 1;
    const data = new Uint8Array(ROWS * 8);
    const inputs = [{ name: "INPUT0", datatype: "FP32", shape: [ROWS, 2], data }];
    const question = encodeQuestion({ model: "echo", inputs });
    try {
      await this.#client.infer(question, LIMIT_MS, tenants.headersOf(this.#tenant));
      this.answered += 1;
    } catch (thrown) {
      this.failures.push(`${this.#tenant}: ${thrown}`);
    }
  }

  close(): void {
    this.#client.close();
  }
}

/** @returns what each of the others had asked for and was answered when it was over, and what the flood was */
async function flooded() {
  const flood = new Experiment(flooding);
  const steady = others.map((name) => new Experiment(name));
  const all = [flood, ...steady];
  const rows = () => all.reduce((sum, { answered }) => sum + answered * ROWS, 0);
  const over = () => rows() >= REQUESTS * ROWS_BETWEEN;
  const calls: Promise<void>[] = [];
  /** What is due by the rows that were answered, spread over the time between two of one. */
  const askMore = () => {
    for (const [at, experiment] of steady.entries()) {
      const due = Math.floor(rows() / ROWS_BETWEEN + at / TENANTS);
      while (experiment.asked < due) calls.push(experiment.ask().then(answered));
    }
  };
  /** While the flood's requests wait still. */
  let got: { readonly asked: number; readonly answered: number }[] | undefined;
  const answered = () => {
    if (!over()) askMore();
    else got ??= steady.map(({ asked, answered: its }) => ({ asked, answered: its }));
  };
  const loop = async () => {
    while (!over()) {
      await flood.ask();
      answered();
    }
  };
  await Promise.all(Array.from({ length: CALLS }, loop));
  await Promise.all(calls);
  for (const experiment of all) experiment.close();
  const failures = all.flatMap((experiment) => experiment.failures);
  return { got: got ?? [], failures, part: (flood.answered * ROWS) / rows() };
}

describe("fifty experiments, one of whom asks for more than ten times what it is promised", {
  timeout: LIMIT_MS,
}, () => {
  it("get what the others ask for below their guarantees, and none an error", async ({
    annotate,
  }) => {
    const { got, failures, part } = await flooded();
    const asked = got.map((each) => each.asked);
    const parts = got.map((each) => each.answered / each.asked);
    await annotate(
      `each of ${others.length} asked for ${Math.min(...asked)} requests or more: the least was answered ${(100 * Math.min(...parts)).toFixed(1)} % of them ` +
        `while the flood went on, Jain's index ${jain(got.map((each) => each.answered)).toFixed(4)}; ` +
        `the flood got ${(100 * part).toFixed(1)} % of all rows, of which it is promised ${100 / TENANTS} %`,
    );
    expect(failures).toEqual([]);
    expect(got).toHaveLength(others.length);
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(REQUESTS - 1);
    // One is always under way.
    for (const each of got) expect(each.answered + 1).toBeGreaterThanOrEqual(0.95 * each.asked);
    // What nobody else asks for is the flood's.
    expect(part).toBeGreaterThan(5 / TENANTS);
  });
});

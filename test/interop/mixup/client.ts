/**
 * One client process: `node client.js JSON`. Runs every row alone first, then
 * asks for random models, rows and sizes in `concurrency` closed loops, and
 * prints its report as JSON.
 */
import { argv, exit, stdout } from "node:process";
import { InferClient } from "../../support/infer-client.ts";
import { modelMetadata } from "../../support/model-metadata.ts";
import { compare } from "./compare.ts";
import { ask, makeRowPool, ROWS_PER_POOL, type RowPool, randomFrom } from "./row-pool.ts";

export interface ClientOrder {
  readonly port: number;
  readonly seed: number;
  readonly requests: number;
  readonly concurrency: number;
  readonly models: readonly ModelOrder[];
  /** Row counts to draw from. */
  readonly sizes: readonly number[];
  /** Part of the one-row requests that ask to be run alone, 0..1. */
  readonly reproducibleShare: number;
}

export interface ModelOrder {
  readonly name: string;
  readonly exact: boolean;
  /** Values for the free axes; one pool of rows each. */
  readonly lengths: readonly number[];
  /** Share of the requests, relative to the others. */
  readonly weight: number;
}

export interface ClientReport {
  readonly answered: number;
  readonly rows: number;
  readonly reproducible: number;
  readonly mistakes: number;
  /** The first few of them. */
  readonly examples: readonly string[];
}

const CONNECTIONS = 4;

async function makePools(order: ClientOrder): Promise<RowPool[]> {
  const client = new InferClient(order.port);
  const pools: RowPool[] = [];
  for (const model of order.models) {
    const metadata = await modelMetadata(order.port, model.name);
    for (const length of model.lengths) {
      const random = randomFrom(order.seed * 1000 + pools.length);
      const pool = await makeRowPool(
        client,
        metadata,
        { count: ROWS_PER_POOL, length, exact: model.exact },
        random,
      );
      for (let share = 0; share < model.weight; share += 1) pools.push(pool);
    }
  }
  client.close();
  return pools;
}

async function main(order: ClientOrder): Promise<ClientReport> {
  const pools = await makePools(order);
  const random = randomFrom(order.seed);
  const pick = <T>(list: readonly T[]): T => {
    const item = list[Math.floor(random() * list.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  const connections = Array.from({ length: CONNECTIONS }, () => new InferClient(order.port));
  const report = { answered: 0, rows: 0, reproducible: 0, mistakes: 0, examples: [] as string[] };
  let turn = 0;
  const loop = async () => {
    for (; turn < order.requests; ) {
      turn += 1;
      const id = `${order.seed}-${turn}`;
      const pool = pick(pools);
      const rows = pick(order.sizes);
      const first = Math.floor(random() * ROWS_PER_POOL);
      // Rows of one request share a batch with each other: only a single row is run alone.
      const alone = rows === 1 && random() < order.reproducibleShare;
      const mistake = await pick(connections)
        .infer(ask(pool, first, rows, id, alone))
        .then((answer) =>
          answer.id === id
            ? compare(pool, answer, first, rows, pool.exact || alone)
            : `answer ${answer.id} came for request ${id}`,
        )
        .catch((thrown: unknown) => String(thrown));
      report.answered += 1;
      report.rows += rows;
      if (alone) report.reproducible += 1;
      if (mistake !== undefined) {
        report.mistakes += 1;
        if (report.examples.length < 5) {
          report.examples.push(`${pool.model}, ${rows} rows${alone ? ", alone" : ""}: ${mistake}`);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: order.concurrency }, loop));
  return report;
}

const report = await main(JSON.parse(argv[2] ?? "{}") as ClientOrder);
stdout.write(`${JSON.stringify(report)}\n`, () => exit(0));

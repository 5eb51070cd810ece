/**
 * Quotas and weights that are edited, and configurations that are read again, while one experiment floods the gateway:
 * what is let through is counted in rows, and so is what of the others fails.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { keyedTenants } from "../support/keyed-tenants.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";
import { runCli } from "../support/run-cli.ts";

const LIMIT_MS = 240_000;
const ROWS = 8;
const US_PER_ROW = 300;
/** Of the model, rows a second. */
const CAPACITY = 1e6 / US_PER_ROW;
/** Calls of a flood that are under way, and how long one that was refused waits. */
const FLOOD_CALLS = 32;
const REFUSED_MS = 20;
/** Limits, rows a second: the flood asks for more than either. */
const [LOW, HIGH] = [ROWS, 75 * ROWS];
const UNLIMITED = 10 * CAPACITY;
/** Far longer than the lower limit takes for a few requests, far less than it would for what went before, ms. */
const GOES_ON_MS = 40_000;
const steady = ["cms", "atlas", "lhcb"] as const;
const floods = ["training", "rival"] as const;

const folder = temporaryFolder();
const repository = temporaryRepository();
const tenants = keyedTenants({
  ...Object.fromEntries(steady.map((name) => [name, { guarantee: 0.15 }])),
  ...Object.fromEntries(floods.map((name) => [name, {}])),
});
const keyFile = join(folder.path, "operator.key");
let gateway: GatewayProcess;
let others: Steady;

async function start(): Promise<void> {
  const flags = [...tenants.flags, "--tenancy-folder", join(folder.path, "state")];
  gateway = await startGateway({ repositories: [repository.folder], flags });
}

beforeAll(async () => {
  const model = { name: "echo", maxBatchSize: 64, dims: [2], delayUsPerRow: US_PER_ROW };
  repository.add("echo", echoConfig({ ...model, more: "dynamic_batching { }" }));
  writeFileSync(keyFile, tenants.headersOf("operator")["x-api-key"] ?? "");
  await start();
  others = new Steady();
}, LIMIT_MS);
afterAll(async () => {
  await others?.stop();
  await gateway?.stop();
  repository.remove();
  tenants.remove();
  folder.remove();
});

function ask(client: InferClient, tenant: string): Promise<unknown> {
  const inputs = [
    { name: "INPUT0", datatype: "FP32", shape: [ROWS, 2], data: new Uint8Array(ROWS * 8) },
  ];
  const question = encodeQuestion({ model: "echo", inputs });
  return client.infer(question, LIMIT_MS, tenants.headersOf(tenant));
}

/** Each asks for half of what it is promised, whatever the machine does. */
class Steady {
  answered = 0;
  readonly failures: string[] = [];
  #over = false;
  readonly #loops: Promise<void>[];

  constructor() {
    this.#loops = steady.map((tenant) => this.#loop(tenant));
  }

  async #loop(tenant: string): Promise<void> {
    const client = new InferClient(gateway.grpcPort);
    const everyMs = (1000 * ROWS) / (0.5 * 0.15 * CAPACITY);
    const calls = new Set<Promise<void>>();
    while (!this.#over) {
      const call = ask(client, tenant).then(
        () => {
          this.answered += 1;
        },
        (error: unknown) => {
          this.failures.push(`${tenant}: ${error}`);
        },
      );
      calls.add(call);
      void call.then(() => calls.delete(call));
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    await Promise.all(calls);
    client.close();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#loops);
  }
}

/** As many calls under way as it can have. */
class Flood {
  rows = 0;
  refused = 0;
  readonly failures: string[] = [];
  #over = false;
  readonly #loops: Promise<void>[];
  readonly #client = new InferClient(gateway.grpcPort);

  constructor(tenant: string, calls = FLOOD_CALLS) {
    this.#loops = Array.from({ length: calls }, () => this.#loop(tenant));
  }

  async #loop(tenant: string): Promise<void> {
    while (!this.#over) {
      try {
        await ask(this.#client, tenant);
        this.rows += ROWS;
      } catch (thrown) {
        if ((thrown as { code?: number }).code === RESOURCE_EXHAUSTED) this.refused += 1;
        else this.failures.push(String(thrown));
        await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
      }
    }
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#loops);
    this.#client.close();
  }
}
const RESOURCE_EXHAUSTED = 8;

const edits: object[] = [];

/** By turns over HTTP and by the command. @returns when it was answered */
async function edit(tenant: string, terms: { weight: number } | { rows: number }): Promise<number> {
  const weight = "weight" in terms;
  const value = weight ? terms.weight : terms.rows;
  const after = weight ? { weight: value } : { quota: { rowsPerSecond: value } };
  if (edits.length % 2 === 0) {
    const answer = await fetch(
      `http://127.0.0.1:${gateway.httpPort}/v2/beamgate/tenants/${tenant}`,
      {
        method: "POST",
        headers: tenants.headersOf("operator"),
        body: JSON.stringify(after),
      },
    );
    expect(answer.status, await answer.text()).toBe(200);
  } else {
    const setting = `${weight ? "weight" : "rows-per-second"}=${value}`;
    await quota("set", tenant, setting);
  }
  edits.push({ action: "set tenant", tenant, after });
  return performance.now();
}

async function quota(...words: readonly string[]): Promise<unknown> {
  const where = ["--url", `127.0.0.1:${gateway.httpPort}`, "--api-key-file", keyFile];
  const run = await runCli(["quota", ...words, ...where, "-o", "json"]);
  expect(run.exitCode, run.err).toBe(0);
  return JSON.parse(run.out);
}

let reloads = 0;
async function reload(): Promise<void> {
  process.kill(gateway.pid, "SIGHUP");
  reloads += 1;
  const read = () => (gateway.log().match(/tenants: read again/g)?.length ?? 0) >= reloads;
  expect(await eventually(read, LIMIT_MS)).toBeDefined();
}

const passed = (since: number) => (performance.now() - since) / 1000;

describe("under the flood of one experiment", { timeout: LIMIT_MS }, () => {
  it("edits of its quota hold at once, counted in rows, and nobody else's request fails", async ({
    annotate,
  }) => {
    const flood = new Flood("training");
    const took: string[] = [];
    for (let time = 0; time < 6; time += 1) {
      const before = flood.rows;
      const raised = await edit("training", { rows: HIGH });
      // More than the lower limit would have let through since, and what was under way.
      const held = () => LOW * (1 + passed(raised)) + FLOOD_CALLS * ROWS;
      expect(await eventually(() => flood.rows - before > held(), LIMIT_MS)).toBeDefined();
      took.push(`${passed(raised).toFixed(2)} s`);
      const busy = flood.refused;
      expect(await eventually(() => flood.refused > busy, LIMIT_MS)).toBeDefined();
      await reload();

      const lowered = await edit("training", { rows: LOW });
      const [rows, refused] = [flood.rows, flood.refused];
      // Whatever was under way is over then.
      await eventually(() => flood.refused > refused + 2 * FLOOD_CALLS, LIMIT_MS);
      const over = flood.rows;
      // It goes on at its rate, and no faster.
      expect(await eventually(() => flood.rows >= over + 3 * LOW, GOES_ON_MS)).toBeDefined();
      if (time % 2 === 0) await reload();
      const most = LOW * (1 + passed(lowered)) + FLOOD_CALLS * ROWS;
      expect(flood.rows - rows).toBeLessThanOrEqual(most);
    }
    await flood.stop();
    await annotate(
      `more than the lower limit allows was through ${took.join(", ")} after it was raised; ` +
        `${flood.rows} rows let through, ${flood.refused} requests refused; others: ${others.answered} answered`,
    );
    expect(flood.failures).toEqual([]);
    expect(others.failures).toEqual([]);
  });

  it("edits of weights hold at once, counted in rows of two who flood", async ({ annotate }) => {
    await edit("training", { rows: UNLIMITED });
    const [training, rival] = floods.map((tenant) => new Flood(tenant, BACKLOG)) as [Flood, Flood];
    const shares: string[] = [];
    for (const weight of [4, 1, 6, 1, 4, 1, 4]) {
      await edit("training", { weight });
      const seen = await windowsUntil(weight, training, rival);
      shares.push(`${weight}:1 ${seen.map((share) => share.toFixed(3)).join(" ")}`);
      expect(fits(seen.at(-1), weight), shares.join(", ")).toBe(true);
      if (reloads < 10) await reload();
    }
    await Promise.all([training.stop(), rival.stop()]);
    await annotate(`parts of who has the weight: ${shares.join(", ")}`);
    expect([...training.failures, ...rival.failures, ...others.failures]).toEqual([]);
  });

  it("the audit has exactly the edits, and nothing is lost over a restart", async () => {
    await others.stop();
    expect(others.failures).toEqual([]);
    expect(others.answered).toBeGreaterThan(100);
    expect([edits.length, reloads]).toEqual([20, 10]);
    const audit = (await quota("audit")) as object[];
    expect(audit.toReversed()).toMatchObject(edits);
    expect(audit).toHaveLength(20);
    const before = (await quota("ls")) as { generation: number; tenants: Terms[] };
    expect(before.generation).toBe(20);
    process.kill(gateway.pid, "SIGKILL");
    await gateway.exited;
    await start();
    expect(await quota("audit")).toEqual(audit);
    const after = (await quota("ls")) as typeof before;
    expect(after.generation).toBe(20);
    expect(after.tenants.map(termsOf)).toEqual(before.tenants.map(termsOf));
  });
});

const WINDOW_ROWS = 40 * 64;
const MOST_WINDOWS = 5;
/** Calls under way of each of two who flood, so that both wait even where this process was stopped for a second. */
const BACKLOG = 400;

/** @returns the part of the first flood in one window after the other, until one is as the weight has it */
async function windowsUntil(weight: number, flood: Flood, rival: Flood): Promise<number[]> {
  const seen: number[] = [];
  const rows = () => flood.rows + rival.rows;
  while (!fits(seen.at(-1), weight) && seen.length < MOST_WINDOWS) {
    const [its, all] = [flood.rows, rows()];
    await eventually(() => rows() > all + WINDOW_ROWS, LIMIT_MS);
    seen.push((flood.rows - its) / (rows() - all));
  }
  return seen;
}

const fits = (share: number | undefined, weight: number) =>
  share !== undefined && Math.abs(share - weight / (weight + 1)) < 0.05;

interface Terms {
  readonly name: string;
  readonly weight: number;
  readonly guarantee: number;
  readonly quota: object;
}
const termsOf = ({ name, weight, guarantee, quota: limits }: Terms) => ({
  ...{ name, weight, guarantee, limits },
});

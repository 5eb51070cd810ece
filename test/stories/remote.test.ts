/** A gateway in front of two others: what clients notice of it, and of the others' deaths. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { scrape, sum } from "../support/metrics.ts";
import {
  echoConfig,
  type TemporaryRepository,
  temporaryRepository,
} from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";

const STORY_MS = 120_000;
const CLIENTS = 64;
const TOKEN = "a-token-nobody-may-read";
const JETS = { name: "jets", maxBatchSize: 64, dims: [4], more: "dynamic_batching { }" };

const running: GatewayProcess[] = [];
const repositories: TemporaryRepository[] = [];
afterAll(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  for (const repository of repositories) repository.remove();
});

function repository(add: (repository: TemporaryRepository) => void): TemporaryRepository {
  const made = temporaryRepository();
  repositories.push(made);
  add(made);
  return made;
}

const farModels = repository((models) => models.add("jets", echoConfig({ ...JETS, delayMs: 50 })));
const nearModels = repository((models) => {
  models.add("jets", echoConfig(JETS).replace('backend: "echo"', 'backend: "remote"'));
});

async function far(grpcPort: number): Promise<GatewayProcess> {
  const flags = ["--grpc-port", String(grpcPort)];
  const gateway = await startGateway({ repositories: [farModels.folder], flags });
  running.push(gateway);
  return gateway;
}

async function near(
  ports: readonly number[],
  options: object = {},
  models = nearModels,
  more: object = {},
): Promise<GatewayProcess> {
  const servers = ports.map((port) => `127.0.0.1:${port}`);
  const config = join(models.folder, "beamgate.yaml");
  const remote = {
    servers,
    healthMs: 500,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...options,
  };
  const breaker = { probeAfterMs: 300 };
  writeFileSync(
    config,
    JSON.stringify({ backends: [{ kind: "remote", options: remote }], breaker, ...more }),
  );
  const flags = ["--config", config];
  const gateway = await startGateway({ repositories: [models.folder], flags });
  running.push(gateway);
  return gateway;
}

async function kill({ pid, exited }: GatewayProcess): Promise<void> {
  process.kill(pid, "SIGKILL");
  await exited;
}

const question = (value: number) =>
  encodeQuestion({
    model: "jets",
    inputs: [
      {
        name: "INPUT0",
        datatype: "FP32",
        shape: [1, 4],
        data: new Uint8Array(Float32Array.of(value, 1, 2, 3).buffer),
      },
    ],
  });

/** The first number of the answer, which is that of the question. */
async function ask(client: InferClient, value: number): Promise<number> {
  const { outputs } = await client.infer(question(value));
  const bytes = Uint8Array.from(outputs.get("OUTPUT0") ?? []);
  return new Float32Array(bytes.buffer)[0] ?? Number.NaN;
}

async function isReady({ httpPort }: GatewayProcess): Promise<boolean> {
  const { status } = await fetch(`http://127.0.0.1:${httpPort}/v2/models/jets/ready`);
  return status === 200;
}

async function reason({ httpPort }: GatewayProcess): Promise<string> {
  const url = `http://127.0.0.1:${httpPort}/v2/repository/index`;
  const answer = await fetch(url, { method: "POST", body: "{}" });
  const models = (await answer.json()) as { name: string; state: string; reason?: string }[];
  const jets = models.find(({ name }) => name === "jets");
  return `${jets?.state}: ${jets?.reason ?? ""}`;
}

async function becomesReady(gateway: GatewayProcess, ready = true): Promise<void> {
  const deadline = performance.now() + 60_000;
  while ((await isReady(gateway)) !== ready) {
    if (performance.now() > deadline) throw new Error(`not ${ready}: ${await reason(gateway)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a gateway in front of two others", { timeout: STORY_MS }, () => {
  it("forwards the rows of many clients in few requests, to both", async () => {
    const ports = [await freePort(), await freePort()];
    const servers = await Promise.all(ports.map((port) => far(port)));
    const gateway = await near(ports);
    const before = await Promise.all(servers.map(counts));
    const clients = Array.from({ length: CLIENTS }, () => new InferClient(gateway.grpcPort));
    const rounds = 10;
    await Promise.all(
      clients.map(async (client, at) => {
        for (let round = 0; round < rounds; round += 1) {
          const value = at * 100 + round;
          expect(await ask(client, value)).toBe(value);
        }
      }),
    );
    for (const client of clients) client.close();
    const after = await Promise.all(servers.map(counts));
    const rows = after.map(({ rows }, at) => rows - (before[at]?.rows ?? 0));
    expect(rows.reduce((a, b) => a + b)).toBe(CLIENTS * rounds);
    const forwarded = await counts(gateway);
    expect(forwarded.rows).toBe(CLIENTS * rounds);
    expect(forwarded.executions).toBeLessThan((CLIENTS * rounds) / 4);
    const executions = after.map(
      ({ executions }, at) => executions - (before[at]?.executions ?? 0),
    );
    expect(executions.reduce((a, b) => a + b)).toBeLessThanOrEqual(forwarded.executions);
    expect(Math.min(...rows)).toBeGreaterThan(0);
  });

  it("costs clients nothing when one dies, says so when all are dead, and recovers by itself", async () => {
    const ports = [await freePort(), await freePort()] as const;
    const [first, second] = [await far(ports[0]), await far(ports[1])];
    const gateway = await near(ports);
    const clients = Array.from({ length: 32 }, () => new InferClient(gateway.grpcPort));
    const errors: unknown[] = [];
    let stop = false;
    let answered = 0;
    const load = clients.map(async (client, at) => {
      while (!stop) {
        const value = await ask(client, at).catch((error: unknown) => errors.push(error));
        if (value !== at) errors.push(new Error(`${value} instead of ${at}`));
        answered += 1;
      }
    });
    await eventually(() => answered > 200, 60_000);
    await kill(first);
    const atDeath = answered;
    await eventually(() => answered > atDeath + 500, 60_000);
    expect(await isReady(gateway)).toBe(true);
    stop = true;
    await Promise.all(load);
    expect(errors).toEqual([]);

    await kill(second);
    await becomesReady(gateway, false);
    expect(await reason(gateway)).toMatch(/^UNAVAILABLE: .*127\.0\.0\.1:\d+: UNAVAILABLE/);
    const [client] = clients;
    if (client === undefined) throw new Error("no client");
    await expect(ask(client, 1)).rejects.toMatchObject({ code: 14 });

    const back = await far(ports[0]);
    await becomesReady(gateway);
    expect(await ask(client, 5)).toBe(5);
    expect((await counts(back)).rows).toBeGreaterThan(0);
    for (const each of clients) each.close();
    expect(gateway.log()).not.toContain(TOKEN);
  });
});

describe("a gateway whose far server is not there yet", { timeout: STORY_MS }, () => {
  it("starts, tells why the model does not serve, and serves once the server comes", async () => {
    const port = await freePort();
    const gateway = await near([port]);
    expect(await isReady(gateway)).toBe(false);
    expect(await reason(gateway)).toMatch(/^UNAVAILABLE: remote: remote:127.*UNAVAILABLE/);
    const server = await far(port);
    await becomesReady(gateway);
    const client = new InferClient(gateway.grpcPort);
    expect(await ask(client, 3)).toBe(3);
    client.close();
    expect((await counts(server)).rows).toBeGreaterThan(0);
  });
});

describe("a far model that is another one than the configuration says", {
  timeout: STORY_MS,
}, () => {
  it("is not served, and the index says what differs", async () => {
    const port = await freePort();
    await far(port);
    const wrong = repository((models) => {
      const config = echoConfig({ ...JETS, dims: [5] });
      models.add("jets", config.replace('backend: "echo"', 'backend: "remote"'));
    });
    const gateway = await near([port], {}, wrong);
    expect(await isReady(gateway)).toBe(false);
    expect(await reason(gateway)).toContain(
      'input "INPUT0" has shape [-1,5] here and [-1,4] there',
    );
  });
});

describe("a far server as one variant of several", { timeout: STORY_MS }, () => {
  it("serves while it is there; when it dies the other variant takes over, without an error", async () => {
    const port = await freePort();
    const server = await far(port);
    const models = repository((made) => {
      const preference = 'parameters { key: "variant_preference" value { string_value: "far" } }';
      made.add("jets", echoConfig({ ...JETS, more: `dynamic_batching { }\n${preference}` }));
      const folder = join(made.folder, "jets", "1", "far");
      mkdirSync(folder);
      writeFileSync(join(folder, "remote.json"), JSON.stringify({ model: "jets" }));
      const tensor = (name: string) => ({ name, datatype: "FP32", shape: [4] });
      const manifest = {
        manifest: 1,
        backend: "remote",
        vendor: "any",
        artifact: { file: "remote.json", format: "remote", platform: "any" },
        numericClass: "float32",
        inputs: [tensor("INPUT0")],
        outputs: [tensor("OUTPUT0")],
      };
      writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    });
    const gateway = await near([port], {}, models, { routing: { policy: "preference" } });
    const before = (await counts(server)).rows;
    const client = new InferClient(gateway.grpcPort);
    for (let value = 0; value < 20; value += 1) expect(await ask(client, value)).toBe(value);
    expect((await counts(server)).rows - before).toBe(20);
    await kill(server);
    for (let value = 0; value < 20; value += 1) expect(await ask(client, value)).toBe(value);
    expect(await isReady(gateway)).toBe(true);
    client.close();
  });
});

describe("models of a far server that nobody wrote down here", { timeout: STORY_MS }, () => {
  it("are served under their names, and follow the far server", async () => {
    const port = await freePort();
    const options = { discover: true, models: ["j*"] };
    const empty = repository(() => {});
    const config = { repository: { pollSecs: 1 } };
    const gateway = await near([port], options, empty, config);
    expect(await reason(gateway)).toBe("undefined: ");
    const server = await far(port);
    await becomesReady(gateway);
    const client = new InferClient(gateway.grpcPort);
    expect(await ask(client, 9)).toBe(9);
    client.close();
    expect((await counts(server)).rows).toBeGreaterThan(0);
  });
});

async function counts({ metricsPort }: GatewayProcess) {
  const samples = await scrape(metricsPort);
  const of = (name: string) => sum(samples, name, { model: "jets" }) ?? 0;
  return { rows: of("nv_inference_count"), executions: of("nv_inference_exec_count") };
}

/** A whole gateway that keeps a ledger and quotas: what clients saw stands there, and survives its death. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import type { HourlyUsage } from "../../src/inference/usage.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import {
  echoConfig,
  type TemporaryRepository,
  temporaryRepository,
} from "../support/model-repository.ts";
import { runCli } from "../support/run-cli.ts";

const { service } = loadInferenceDefinition();
const LIMIT_MS = 120_000;
const ROWS = 4;
const ROW_BYTES = 8;

interface Answered {
  readonly error_message: string;
}

let repository: TemporaryRepository;
let folder: string;
let gateway: GatewayProcess;
let client: Client;

const start = async () => {
  const flags = ["--tenancy-folder", join(folder, "state")];
  gateway = await startGateway({ repositories: [repository.folder], flags });
  client = new Client(`127.0.0.1:${gateway.grpcPort}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-tenancy-"));
  repository = temporaryRepository();
  repository.add("echo", echoConfig({ name: "echo", maxBatchSize: 64, dims: [2] }));
  await start();
}, LIMIT_MS);
afterAll(async () => {
  client?.close();
  await gateway?.stop();
  repository?.remove();
  rmSync(folder, { recursive: true, force: true });
});

function question(model = "echo", rows = ROWS, width = 2): object {
  return {
    model_name: model,
    inputs: [{ name: "INPUT0", datatype: "FP32", shape: [rows, width] }],
    raw_input_contents: [Buffer.alloc(rows * width * 4)],
  };
}

function methodOf(name: string) {
  const method = service[name];
  if (method === undefined) throw new Error(`no ${name}`);
  const request = method.requestSerialize as (value: object) => Buffer;
  const answer = method.responseDeserialize as (bytes: Buffer) => never;
  return { path: method.path, request, answer };
}

/** @returns undefined: answered */
function infer(asked = question()): Promise<ServiceError | undefined> {
  const { path, request, answer } = methodOf("ModelInfer");
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, request, answer, asked, (error) => resolve(error ?? undefined));
  });
}

/** All at once on one stream. @returns what each was told, empty: answered */
function stream(count: number): Promise<string[]> {
  const { path, request, answer } = methodOf("ModelStreamInfer");
  const told: string[] = [];
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest(path, request, answer);
    call.on("data", ({ error_message }: Answered) => told.push(error_message));
    call.on("error", reject);
    call.on("end", () => resolve(told));
    for (let i = 0; i < count; i += 1) call.write(question());
    call.end();
  });
}

function overHttp(width = 2): Promise<Response> {
  const data = new Array<number>(ROWS * width).fill(0);
  return fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/echo/infer`, {
    method: "POST",
    body: JSON.stringify({
      inputs: [{ name: "INPUT0", datatype: "FP32", shape: [ROWS, width], data }],
    }),
  });
}

async function cli(...argv: readonly string[]) {
  const run = await runCli([...argv, "--url", `127.0.0.1:${gateway.httpPort}`, "-o", "json"]);
  if (run.exitCode !== 0) throw new Error(run.err);
  return JSON.parse(run.out) as never;
}

const usage = (): Promise<readonly HourlyUsage[]> => cli("usage", "--from", "1h");

async function sums() {
  const lines = await usage();
  const sum = (of: (line: HourlyUsage) => number) => lines.reduce((all, line) => all + of(line), 0);
  const refused: Record<string, number> = {};
  for (const line of lines) {
    for (const [reason, count] of Object.entries(line.refused)) {
      refused[reason] = (refused[reason] ?? 0) + count;
    }
  }
  return {
    ...{ requests: sum(({ requests }) => requests), rows: sum(({ rows }) => rows), refused },
    ...{ bytesIn: sum(({ bytesIn }) => bytesIn), bytesOut: sum(({ bytesOut }) => bytesOut) },
  };
}

describe("the ledger of a gateway", { timeout: LIMIT_MS }, () => {
  it("has exactly what clients were answered and refused, over every way in", async () => {
    const unary = await Promise.all(Array.from({ length: 40 }, () => infer()));
    expect(unary.filter((error) => error !== undefined)).toEqual([]);
    expect((await stream(100)).filter((text) => text !== "")).toEqual([]);
    for (let i = 0; i < 10; i += 1) expect((await overHttp()).status).toBe(200);
    expect((await infer(question("echo", ROWS, 3)))?.code).toBe(3);
    expect((await overHttp(3)).status).toBe(400);
    expect((await infer(question("nothing")))?.code).toBe(5);

    const requests = 150;
    const bytes = requests * ROWS * ROW_BYTES;
    expect(await sums()).toEqual({
      ...{ requests, rows: requests * ROWS, bytesIn: bytes, bytesOut: bytes },
      refused: { invalid: 2, "unknown-model": 1 },
    });
  });

  it("charges the time that devices were busy, and Prometheus tells the same", async () => {
    const charged = (await usage()).reduce((sum, { deviceSeconds }) => sum + deviceSeconds, 0);
    const statistics = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/echo/stats`);
    const [model] = ((await statistics.json()) as { model_stats: Statistics[] }).model_stats;
    const busyNs = (model?.batch_stats ?? []).reduce(
      (sum, { compute_infer }) => sum + Number(compute_infer.ns),
      0,
    );
    expect(charged).toBeGreaterThan(0);
    expect(charged).toBeCloseTo(busyNs / 1e9, 6);
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`)).text();
    const told =
      /^beamgate_usage_requests_total\{tenant="default",model="echo".*,device="\S+"\} (\d+)$/m;
    expect(told.exec(metrics)?.[1]).toBe("150");
  });
});

interface Statistics {
  readonly batch_stats: readonly { readonly compute_infer: { readonly ns: string | number } }[];
}

describe("a quota that is set while the gateway runs", { timeout: LIMIT_MS }, () => {
  it("holds at once for every way in, and tells clients when to come again", async () => {
    const settings = ["default", `rows-per-second=${10 * ROWS}`];
    const preview = await cli("quota", "set", ...settings, "--dry-run");
    expect(preview).toMatchObject({
      before: { quota: {} },
      after: { quota: { rowsPerSecond: 40 } },
    });
    const many = await Promise.all(Array.from({ length: 15 }, () => infer()));
    expect(many.filter((error) => error !== undefined)).toEqual([]);

    await cli("quota", "set", ...settings);
    const told = await stream(50);
    expect(told).toHaveLength(50);
    const refusals = told.filter((text) => text !== "");
    expect(told.slice(0, 10)).toEqual(new Array(10).fill(""));
    expect(refusals.length).toBeGreaterThan(20);
    expect(refusals[0]).toMatch(
      /^tenant 'default' is over its quota 'rowsPerSecond'.*; retry in \d+ ms/,
    );

    const refused = (await Promise.all(Array.from({ length: 15 }, () => infer()))).find(
      (error) => error !== undefined,
    );
    expect(refused?.code).toBe(8);
    expect(Number(refused?.metadata.get("grpc-retry-pushback-ms")[0])).toBeGreaterThan(0);
    const answers = await Promise.all(Array.from({ length: 15 }, () => overHttp()));
    const late = answers.find(({ status }) => status !== 200);
    expect(late?.status).toBe(429);
    expect(late?.headers.get("retry-after")).toBe("1");
  });

  it("counts what it refuses", async () => {
    const { refused, requests } = await sums();
    // 150 and 15 before there was a quota; then 50 on the stream, 15 by gRPC and 15 over HTTP.
    expect(requests + (refused["quota-rowsPerSecond"] ?? 0)).toBe(150 + 15 + 80);
  });

  it("and the ledger survive the death of the gateway", async () => {
    const before = await sums();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    process.kill(gateway.pid, "SIGKILL");
    await gateway.exited;
    client.close();
    await start();
    expect(await sums()).toEqual(before);
    expect(await cli("quota", "ls")).toMatchObject({
      tenants: [{ name: "default", quota: { rowsPerSecond: 40 } }],
      generation: 1,
    });
    await cli("quota", "reset", "default");
    const many = await Promise.all(Array.from({ length: 20 }, () => infer()));
    expect(many.filter((error) => error !== undefined)).toEqual([]);
    expect(await cli("quota", "audit")).toMatchObject([
      { action: "reset tenant", tenant: "default", after: { quota: {} } },
      { action: "set tenant", before: { quota: {} }, after: { quota: { rowsPerSecond: 40 } } },
    ]);
  });
});

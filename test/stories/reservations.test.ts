/** A board that the calendar withdraws from a whole gateway while it serves, and gives back. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceReport } from "../../src/inference/device-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryRepository } from "../support/model-repository.ts";
import { runCli } from "../support/run-cli.ts";

const LIMIT_MS = 180_000;
const repository = temporaryRepository();
const state = mkdtempSync(join(tmpdir(), "beamgate-reservations-"));
let gateway: GatewayProcess;

beforeAll(async () => {
  const tensor = (name: string) => `{ name: "${name}" data_type: TYPE_FP32 dims: [ 2 ] }`;
  repository.add(
    "pair",
    `name: "pair" backend: "test-board" max_batch_size: 64
     input [ ${tensor("x")} ] output [ ${tensor("y")} ]
     dynamic_batching { } parameters { key: "min_boards" value { string_value: "2" } }`,
  );
  const folder = join(repository.folder, "pair", "1", "one");
  mkdirSync(folder);
  writeFileSync(join(folder, "model.board"), JSON.stringify({ add: 1 }));
  const manifest = {
    ...{ manifest: 1, backend: "test-board", vendor: "test", numericClass: "exact" },
    artifact: { file: "model.board", format: "board", platform: "tb1" },
    inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const config = join(repository.folder, "gateway.yaml");
  const settings = {
    backends: [
      {
        kind: "test-board",
        package: join(packageRoot, "dist/test/support/test-board.js"),
        options: { boards: 2 },
      },
    ],
    placement: { assumedSwitchMs: 50, agedMs: 500 },
    tenancy: { folder: state },
  };
  writeFileSync(config, JSON.stringify(settings));
  const loaded = ["--model-control-mode=explicit", "--load-model=pair"];
  const flags = ["--config", config, ...loaded];
  gateway = await startGateway({ repositories: [repository.folder], flags });
}, LIMIT_MS);
afterAll(async () => {
  await gateway?.stop();
  repository.remove();
  rmSync(state, { recursive: true, force: true });
});

async function cli(...argv: readonly string[]): Promise<string> {
  const run = await runCli([...argv, "--url", `127.0.0.1:${gateway.httpPort}`]);
  if (run.exitCode !== 0) throw new Error(run.err);
  return run.out;
}

const devices = async () =>
  JSON.parse(await cli("device", "ls", "-o", "json")) as readonly DeviceReport[];
const board = async (id: string) => (await devices()).find((device) => device.id === id);

/** @returns false: it did not become true in time */
async function until(claim: () => Promise<boolean>, limitMs = 60_000): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    if (await claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

async function infer(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/pair/infer`, {
    method: "POST",
    body: JSON.stringify({
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] }],
    }),
  });
  return response.status;
}

const fromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const window = (from: number, to: number) => [
  ...["--from", `${fromNow(from).slice(0, 19)}Z`, "--to", `${fromNow(to).slice(0, 19)}Z`],
];

describe("a board in the calendar", { timeout: LIMIT_MS }, () => {
  it("is told of beforehand, and serves until others are drained for it", async () => {
    expect(await until(async () => (await board("test-board-0"))?.model !== null)).toBe(true);
    const later = ["later", "--tenant", "cms", "--models", "cms_*", "--devices", "test-board-1"];
    await cli("reservation", "add", ...later, ...window(60, 120));
    expect(await board("test-board-1")).toMatchObject({
      reserved: { name: "later", tenant: "cms", state: "waiting" },
    });
    expect(await cli("device", "ls")).toMatch(/RESERVED[\s\S]*cms from \d{4}-/);
    expect((await board("test-board-1"))?.leasedTo).toBeUndefined();
  });

  it("is withdrawn without a failed request, and comes back when the reservation is removed", async () => {
    let failed = 0;
    let over = false;
    const client = (async () => {
      while (!over) if ((await infer()) !== 200) failed += 1;
    })();
    const now = ["now", "--tenant", "training", "--models", "none", "--devices", "*-0"];
    await cli("reservation", "add", ...now, ...window(-1, 60));
    const away = await until(async () => (await board("test-board-0"))?.model === null);
    expect(await board("test-board-0")).toMatchObject({
      ...{ model: null, leasedTo: "training (reservation now)", leasedModels: [] },
      reserved: { name: "now", state: "running" },
    });
    expect(away).toBe(true);
    expect(await cli("reservation", "ls")).toMatch(/now +training +\*-0 +running .* test-board-0/);
    await cli("reservation", "rm", "now");
    await until(async () => (await board("test-board-0"))?.model !== null);
    over = true;
    await client;
    expect((await board("test-board-0"))?.leasedTo).toBeUndefined();
    expect((await board("test-board-0"))?.model).toMatch(/^pair/);
    expect(failed).toBe(0);
  });
});

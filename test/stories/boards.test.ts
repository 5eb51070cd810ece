/** Boards behind one model name, in a whole gateway: routing, failover, breakers, switches, drains. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceReport } from "../../src/inference/device-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryRepository } from "../support/model-repository.ts";

const LIMIT_MS = 180_000;
const repository = temporaryRepository();
const faultsFile = join(repository.folder, "faults.json");
let gateway: GatewayProcess;

const faults = (now: Record<string, string>) => writeFileSync(faultsFile, JSON.stringify(now));

/** @param variants folder name to what it adds */
function addModel(name: string, variants: Record<string, number>, more = "") {
  const tensor = (tensorName: string) =>
    `{ name: "${tensorName}" data_type: TYPE_FP32 dims: [ 2 ] }`;
  repository.add(
    name,
    `name: "${name}" backend: "test-board" max_batch_size: 64
     input [ ${tensor("x")} ] output [ ${tensor("y")} ]
     dynamic_batching { } ${more}`,
  );
  for (const [variant, add] of Object.entries(variants)) {
    const folder = join(repository.folder, name, "1", variant);
    mkdirSync(folder);
    writeFileSync(join(folder, "model.board"), JSON.stringify({ add }));
    const manifest = {
      manifest: 1,
      backend: "test-board",
      vendor: "test",
      artifact: { file: "model.board", format: "board", platform: "tb1" },
      numericClass: "exact",
      inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
    };
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  }
}

beforeAll(async () => {
  faults({});
  addModel("pair", { one: 1, two: 1 });
  addModel("late", { only: 5 });
  const config = join(repository.folder, "gateway.yaml");
  const settings = {
    backends: [
      {
        kind: "test-board",
        package: join(packageRoot, "dist/test/support/test-board.js"),
        options: { boards: 2, faultsFile },
      },
    ],
    workers: { executionTimeoutMs: 1_000, heartbeatMs: 100 },
    breaker: { probeAfterMs: 300 },
    placement: { assumedSwitchMs: 50, agedMs: 500 },
  };
  writeFileSync(config, JSON.stringify(settings));
  const loaded = ["--model-control-mode=explicit", "--load-model=pair"];
  const flags = ["--config", config, ...loaded];
  gateway = await startGateway({ repositories: [repository.folder], flags });
}, LIMIT_MS);
afterAll(async () => {
  await gateway?.stop();
  repository.remove();
});

const url = (path: string) => `http://127.0.0.1:${gateway.httpPort}${path}`;

async function infer(model: string, parameters: object = {}) {
  const response = await fetch(url(`/v2/models/${model}/infer`), {
    method: "POST",
    body: JSON.stringify({
      parameters,
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] }],
    }),
  });
  const answer = (await response.json()) as {
    error?: string;
    parameters?: Record<string, unknown>;
    outputs?: { data: number[] }[];
  };
  return { status: response.status, ...answer, data: answer.outputs?.[0]?.data };
}

const devices = async () =>
  (await (await fetch(url("/v2/beamgate/devices"))).json()) as DeviceReport[];
const boardOf = async (model: string) =>
  (await devices()).find((device) => device.model?.startsWith(model));

describe("boards behind one model name", { timeout: LIMIT_MS }, () => {
  it("answer, and say which variant, artifact and device it was, and that it was emulated", async () => {
    const { status, data, parameters } = await infer("pair");
    expect([status, data]).toEqual([200, [2, 3]]);
    expect(parameters).toMatchObject({
      beamgate_vendor: "test",
      beamgate_batch_size: 1,
      beamgate_queue_us: expect.any(Number),
      beamgate_variant: expect.stringMatching(/^(one|two)$/),
      beamgate_class: "exact",
      beamgate_device: expect.stringMatching(/^test-board-[01]$/),
      beamgate_artifact: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      beamgate_emulated: true,
    });
  });

  it("are chosen by the client where it wishes to", async () => {
    for (const variant of ["one", "two"]) {
      const { parameters } = await infer("pair", { beamgate_variant: variant });
      expect(parameters?.["beamgate_variant"]).toBe(variant);
    }
    const { status, error } = await infer("pair", { beamgate_vendor: "xilinx" });
    expect([status, error]).toEqual([
      400,
      expect.stringContaining('no variant of vendor "xilinx"'),
    ]);
  });

  it.each(["fail", "die", "hang"])(
    "that %s cost no client an error, are left alone, and come back",
    async (fault) => {
      // The one that the router prefers just now.
      const { beamgate_device: victim, beamgate_variant: variant } =
        (await infer("pair")).parameters ?? {};
      const breakerOf = async () => (await devices()).find(({ id }) => id === victim)?.breaker;
      try {
        faults({ [String(victim)]: fault });
        // After one death, or one hang, it may not be preferred any more.
        const leftAlone = async (answers: Awaited<ReturnType<typeof infer>>[]) =>
          (await breakerOf()) !== "closed" ||
          answers.every(({ parameters }) => parameters?.["beamgate_device"] !== victim);
        await expect
          .poll(
            async () => {
              const answers = await Promise.all(Array.from({ length: 16 }, () => infer("pair")));
              expect(answers.map(({ status, error }) => error ?? status)).toEqual(
                Array(16).fill(200),
              );
              return leftAlone(answers);
            },
            { timeout: 60_000 },
          )
          .toBe(true);
      } finally {
        faults({});
      }
      await expect.poll(breakerOf, { timeout: 60_000 }).toBe("closed");
      const again = await infer("pair", { beamgate_variant: variant });
      expect(again.parameters?.["beamgate_device"]).toBe(victim);
    },
  );

  it("are given to a model that waits for one, and taken from one that nobody asks for", async () => {
    const load = await fetch(url("/v2/repository/models/late/load"), { method: "POST" });
    expect(load.status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 40 }, () => infer("late")));
    expect(answers.map(({ data }) => data)).toEqual(Array(40).fill([6, 7]));
    expect(await boardOf("late/1/only")).toMatchObject({ state: "ready", emulated: true });
  });

  it("leave service when they are drained on the command line, and are listed there", async () => {
    const beamgate = async (...words: string[]) => {
      const program = join(packageRoot, "src/cli/beamgate.mjs");
      const at = ["--url", `127.0.0.1:${gateway.httpPort}`, "-o", "json"];
      const run = promisify(execFile);
      return JSON.parse((await run(process.execPath, [program, "device", ...words, ...at])).stdout);
    };
    const [board] = (await beamgate("ls")) as DeviceReport[];
    const id = board?.id ?? "";
    await beamgate("drain", id);
    expect(await beamgate("describe", id)).toMatchObject({ state: "drained", model: null });
    expect((await infer("pair")).status).toBe(200);
    await beamgate("undrain", id);
    expect(await beamgate("describe", id)).toMatchObject({ state: "ready" });
  });

  it("are leased to one experiment, whose models alone sit there", async () => {
    const ask = (path: string, body?: object) =>
      fetch(url(`/v2/beamgate/devices/${path}`), { method: "POST", body: JSON.stringify(body) });
    const lease = { to: "late people", models: ["late*"], seconds: 60 };
    expect((await ask("test-board-0/lease", lease)).status).toBe(200);
    expect((await ask("test-board-0/lease", { ...lease, to: "others" })).status).toBe(400);
    expect((await ask("test-board-0/lease", { ...lease, models: [] })).status).toBe(400);
    expect((await ask("none/lease", lease)).status).toBe(404);
    const leased = async () => (await devices()).find(({ id }) => id === "test-board-0");
    await Promise.all(Array.from({ length: 20 }, () => infer("pair")));
    expect((await leased())?.model ?? "late/").toMatch(/^late\//);
    await Promise.all(Array.from({ length: 20 }, () => infer("late")));
    expect(await leased()).toMatchObject({ leasedTo: "late people", leasedModels: ["late*"] });
    expect((await ask("test-board-0/release")).status).toBe(200);
    expect((await leased())?.leasedTo).toBeUndefined();
  });

  it("tell of themselves in metrics", async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/beamgate_device_state\{device="test-board-0",.*emulated="true",/);
    expect(metrics).toMatch(/beamgate_device_switches_total\{device="test-board-0"[^}]*\} [1-9]/);
    expect(metrics).toMatch(
      /beamgate_failovers_total\{model="pair",from="(one|two)",to="(one|two)"\} [1-9]/,
    );
  });
});

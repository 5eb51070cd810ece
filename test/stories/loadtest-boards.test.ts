/**
 * Two-vendor mode on emulated boards: a model on a U50 makes the events at the
 * bunch rate, another on an Intel-style board judges them, the load test closes
 * the loop and says that both were emulated.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readResult } from "../../loadtest/report/schema.ts";
import { compileVariant, writeVariant } from "../../models/make/boards/compile-variant.ts";
import type { DeviceReport } from "../../src/inference/device-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryRepository } from "../support/model-repository.ts";

const STORY_MS = 180_000;
const WIDTH = 16;
const KINDS = ["xilinx-u50", "intel-fpga"];
const GEV = { w: 24, i: 12, signed: true, q: "TRN", o: "SAT" };

/** Gives back what it gets, in the fixed point of its board. */
const EVENTS = {
  ...{ format: "hls4ml-golden-1", name: "events", arithmetic: "ap_fixed" },
  ...{ input_t: GEV, n_input: WIDTH },
  nodes: [{ name: "jets", op: "linear", inputs: ["input"], out_t: GEV }],
  outputs: [{ name: "jets", node: "jets", n: WIDTH }],
};

const SCENARIO = `
name: two-boards
title: events from one vendor's board, decisions from another's
durationS: 3
warmupS: 1
arrivals: { kind: lhc, filling: nominal-2808b, mode: { kind: packed, as: train, oneIn: 10000 } }
streams:
  - name: jets
    model: jet_tagger
    payload:
      kind: generated
      by: events
      from: { generator: jet-observables, signalShare: 0.1 }
      map: { input: jets }
      pool: 8
    trigger: { output: probabilities, column: 4, threshold: 0.5 }
objectives: ["failed <= 0 %"]
`;

const repository = temporaryRepository();
const folder = mkdtempSync(join(tmpdir(), "beamgate-two-vendor-"));
let gateway: GatewayProcess;
let kinds: Set<string>;
beforeAll(async () => {
  const tensor = (name: string) => `{ name: "${name}" data_type: TYPE_FP32 dims: [ ${WIDTH} ] }`;
  const config = `name: "events" backend: "xilinx-u50" max_batch_size: 8192 input [ ${tensor("input")} ] output [ ${tensor("jets")} ] dynamic_batching { }`;
  repository.add("events", config);
  const options = {
    ...({ name: "events", numericClass: "events", clients: "floats" } as const),
    ...{ units: 1, buffersPerUnit: 2, rowsPerCall: 1024 },
  };
  writeVariant(
    join(repository.folder, "events", "1", "u50"),
    compileVariant("u50", EVENTS, options),
  );
  // The tagger on the other vendor's board alone.
  const tagger = join(repository.folder, "jet_tagger");
  cpSync(join(packageRoot, "models", "jet_tagger"), tagger, { recursive: true });
  rmSync(join(tagger, "1", "u50"), { recursive: true });
  rmSync(join(tagger, "1", "model.onnx"));
  const pbtxt = join(tagger, "config.pbtxt");
  const onCpu = readFileSync(pbtxt, "utf8");
  writeFileSync(pbtxt, onCpu.replace(/^platform: .*$/m, 'backend: "intel-fpga"'));
  const backends = KINDS.map((kind) => ({ kind, options: { emulated: { boards: 1 } } }));
  const settings = join(folder, "gateway.yaml");
  writeFileSync(settings, JSON.stringify({ backends }));
  gateway = await startGateway({
    repositories: [repository.folder],
    flags: ["--config", settings, "--exit-on-error=false"],
  });
  const answer = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/beamgate/devices`);
  kinds = new Set(((await answer.json()) as DeviceReport[]).map(({ backend }) => backend));
}, STORY_MS);
afterAll(async () => {
  await gateway?.stop();
  repository.remove();
  rmSync(folder, { recursive: true });
});

it("events of one vendor's board are judged on another's, and both are told to be emulated", {
  timeout: STORY_MS,
}, (context) => {
  // Needs libxrt1, ocl-icd-libopencl1 and pocl-opencl-icd.
  if (!KINDS.every((kind) => kinds.has(kind))) return context.skip();
  const scenario = join(folder, "two-boards.yaml");
  writeFileSync(scenario, SCENARIO);
  const output = join(folder, "out");
  const program = join(packageRoot, "src", "cli", "beamgate.mjs");
  const where = ["-u", `127.0.0.1:${gateway.grpcPort}`, "--output", output];
  const patient = ["--late-after", "10000", "--no-ceiling"];
  const told = spawnSync(process.execPath, [program, "loadtest", scenario, ...where, ...patient], {
    encoding: "utf8",
  });
  expect(told.status, told.stderr + told.stdout + gateway.log()).toBe(0);
  const file = join(output, "result.json");
  const result = readResult(JSON.parse(readFileSync(file, "utf8")), file);
  expect(result.stages?.map(({ model }) => model)).toEqual(["events", "jet_tagger"]);
  expect(result.stages?.[1]?.meanMs).toBeGreaterThan(result.stages?.[0]?.meanMs ?? 0);
  expect(result.emulated).toBe(true);
  expect(result.origins.map(({ emulated }) => emulated)).toEqual([true, true]);
  const page = readFileSync(join(output, "report.html"), "utf8");
  for (const { device } of result.origins) expect(page).toContain(device);
  expect(page).toContain("<strong>Emulated.</strong>");
  const { trigger } = result;
  expect(trigger?.scored).toBe(trigger?.events);
  // The tagger knows top quarks: its signal, a tenth of the events.
  expect(trigger?.roc?.area).toBeGreaterThan(0.9);
});

/**
 * Two-vendor mode on emulated boards, by the preset: jet_units on a U50 makes the events at the bunch
 * rate, jet_tagger on an Intel-style board judges them, the load test closes the loop and says that both
 * were emulated.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readResult } from "../../loadtest/report/schema.ts";
import type { DeviceReport } from "../../src/inference/device-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryRepository } from "../support/model-repository.ts";

const STORY_MS = 180_000;
const KINDS = ["xilinx-u50", "intel-fpga"];

const repository = temporaryRepository();
const folder = mkdtempSync(join(tmpdir(), "beamgate-two-vendor-"));
let gateway: GatewayProcess;
let kinds: Set<string>;
beforeAll(async () => {
  for (const model of ["jet_units", "jet_tagger"]) {
    const there = join(repository.folder, model);
    cpSync(join(packageRoot, "models", model), there, { recursive: true });
  }
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
  const output = join(folder, "out");
  const program = join(packageRoot, "src", "cli", "beamgate.mjs");
  const where = ["-u", `127.0.0.1:${gateway.grpcPort}`, "--output", output, "--duration", "3"];
  const makers = ["--generator-parameter", "beamgate_vendor=xilinx"];
  const judges = ["--request-parameter", "beamgate_vendor=intel"];
  const compared = ["--reference-parameter", "beamgate_vendor=xilinx"];
  const patient = ["--late-after", "10000", "--no-ceiling", "--objective", "failed <= 0 %"];
  const told = spawnSync(
    process.execPath,
    [program, "loadtest", "two-vendor", ...where, ...makers, ...judges, ...compared, ...patient],
    { encoding: "utf8" },
  );
  expect(told.status, told.stderr + told.stdout + gateway.log()).toBe(0);
  const file = join(output, "result.json");
  const result = readResult(JSON.parse(readFileSync(file, "utf8")), file);
  expect(result.stages?.map(({ model }) => model)).toEqual(["jet_units", "jet_tagger"]);
  expect(result.stages?.[1]?.meanMs).toBeGreaterThan(result.stages?.[0]?.meanMs ?? 0);
  expect(result.emulated).toBe(true);
  expect(result.origins.map(({ emulated }) => emulated)).toEqual([true, true]);
  expect(new Set(result.origins.map(({ variant }) => variant))).toEqual(new Set(["u50", "intel"]));
  const page = readFileSync(join(output, "report.html"), "utf8");
  for (const { device } of result.origins) expect(page).toContain(device);
  expect(page).toContain("<strong>Emulated.</strong>");
  const { trigger } = result;
  // How many were in time is the machine's affair; none is unaccounted for.
  expect(trigger?.events).toBeGreaterThan(0);
  expect((trigger?.scored ?? 0) + (trigger?.late ?? 0)).toBe(trigger?.events);
  // The tagger knows top quarks: its signal, one in fifty of the events.
  expect(trigger?.roc?.area).toBeGreaterThan(0.9);
  // The tagger's variants are of one numeric class: one vendor's board says to the bit what the other's does.
  expect(result.agreement?.compared).toBeGreaterThan(1000);
  expect(result.agreement?.bitExact).toBe(result.agreement?.compared);
});

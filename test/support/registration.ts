/** Candidates for registration and what they are checked against, with the readers and backends of this build. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { digestOf } from "../../backends/common/opencl/image.ts";
import type { ArtifactManifest, Device } from "../../backends/contract.ts";
import { backends } from "../../backends/index.ts";
import { artifactReaders } from "../../backends/readers.ts";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";
import { packageRoot } from "../../src/package-root.ts";
import type { CheckResult } from "../../src/registry/catalog/types.ts";
import type { Candidate, Checkers } from "../../src/registry/registration/candidate.ts";
import { runChecks } from "../../src/registry/registration/run-checks.ts";
import { Trust } from "../../src/registry/trust/trust.ts";
import { vendorRules } from "../../src/registry/vendors/vendor-rules.ts";

export const JET = join(packageRoot, "models", "jet_tagger");
export const SHARED_ARTIFACTS = join(packageRoot, "..", "shared", "artifacts");
export const U50 = "xilinx_u50_gen3x16_xdma_base_5";

export const U50_BOARD: Device = { id: "u50-0", vendor: "xilinx", platform: U50, emulated: true };
export const POCL_BOARD: Device = {
  id: "pocl-0",
  vendor: "intel",
  platform: "pocl",
  emulated: true,
};

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-registration-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function checkers(folder: string, changes: Partial<Checkers> = {}): Checkers {
  return {
    rules: vendorRules(),
    readers: artifactReaders,
    modules: backends,
    devices: () => [U50_BOARD, POCL_BOARD],
    trust: new Trust(undefined),
    maxArtifactBytes: 2 ** 30,
    workFolder: async () => folder,
    ...changes,
  };
}

/** The jet tagger for one vendor, as it lies in `models/`. */
export function jetTagger(
  vendor: "cpu" | "xilinx" | "intel",
): Candidate & { manifest?: ArtifactManifest } {
  const common = {
    name: "jet_tagger",
    version: "1",
    vendor,
    files: new Map(),
    whole: true,
  } as const;
  const config = readFileSync(join(JET, "config.pbtxt"), "utf8");
  if (vendor === "cpu") return { ...common, ...fileOf(join(JET, "1", "model.onnx")), config };
  const folder = join(JET, "1", vendor === "xilinx" ? "u50" : "intel");
  const manifest = JSON.parse(
    readFileSync(join(folder, "manifest.json"), "utf8"),
  ) as ArtifactManifest;
  return { ...common, ...fileOf(join(folder, manifest.artifact.file)), manifest, config };
}

export function fileOf(path: string) {
  const digest = digestOf(readFileSync(path));
  return { path, sizeBytes: statSync(path).size, digest, file: path.split("/").at(-1) ?? "" };
}

/** Gives the bytes a file of their own. */
export function writer(folder: string) {
  let made = 0;
  return (bytes: Uint8Array | string, name = "artifact") => {
    const path = join(folder, `${made++}-${name}`);
    writeFileSync(path, bytes);
    return { ...fileOf(path), file: name };
  };
}

/** y = x, rows of two numbers; `batch` fixed where it is a number. */
export function identityModel(batch: number | string = "batch", producer = "maker"): Buffer {
  const graph = new OnnxGraph("identity", producer);
  const x = graph.input("x", "FP32", [batch, 2]);
  graph.output(graph.node("Identity", [x], {}, "y"), "FP32", [batch, 2]);
  return Buffer.from(graph.finish());
}

export async function failures(candidate: Candidate, against: Checkers): Promise<CheckResult[]> {
  const { results } = await runChecks(candidate, against);
  return results.filter(({ outcome }) => outcome === "failed");
}

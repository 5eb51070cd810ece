/** For tests: FACILE (energy of HCAL hits, FaaST's network) in the shape in which FaaST runs it on a card. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest, KernelManifest, ModelVariant } from "../../contract.ts";
import { U50_PLATFORM } from "../platform.ts";
import { emulatedXclbin } from "../xclbin-writer/emulated-xclbin.ts";

/** Rows of every call, whatever the batch. */
export const ROWS_PER_CALL = 16_384;
export const FEATURES = 18;
const UNITS = [0, 1, 2, 3];

/** Four compute units with a bank each; a row in is one 512-bit word, 32 rows out share one. */
const kernel: KernelManifest = {
  name: "alveo_hls4ml",
  computeUnits: UNITS.map((i) => `alveo_hls4ml_${i}`),
  arguments: [
    { index: 0, role: "input", tensor: "hits", banks: UNITS },
    { index: 1, role: "output", tensor: "energy", banks: UNITS },
  ],
  rowsPerCall: ROWS_PER_CALL,
  buffersPerUnit: 8,
};

export interface GoldenVector {
  readonly in: readonly number[];
  readonly out: { readonly y: readonly number[] };
}

/** Where the network and its golden vectors lie; undefined: not here. */
export function facileFiles(packageRoot: string) {
  const folder = join(packageRoot, "..", "shared", "data", "fixed_point");
  const model = join(folder, "facile_u250.model.json");
  const vectors = join(folder, "facile_u250.vectors.jsonl");
  return existsSync(model) && existsSync(vectors) ? { model, vectors } : undefined;
}

export function readVectors(file: string): GoldenVector[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as GoldenVector);
}

/** Clients send and get the raw integers. Writes the image into `folder`. */
export function facileVariant(network: unknown, folder: string): ModelVariant {
  const inputs = [{ name: "hits", datatype: "INT16", shape: [FEATURES], rowBytes: 64 }] as const;
  const outputs = [{ name: "energy", datatype: "INT16", shape: [1] }] as const;
  const program = { op: "network", network } as const;
  const path = join(folder, "facile.xclbin");
  writeFileSync(path, emulatedXclbin({ kernel, inputs, outputs, platform: U50_PLATFORM, program }));
  const manifest: ArtifactManifest = {
    manifest: 1,
    backend: "xilinx-u50",
    vendor: "xilinx",
    artifact: { file: "facile.xclbin", format: "xclbin", platform: U50_PLATFORM },
    numericClass: "ap_fixed<16,6>",
    inputs,
    outputs,
    kernel,
  };
  return {
    model: "facile",
    version: "1",
    ...{ inputs, outputs },
    maxBatchSize: 4 * ROWS_PER_CALL,
    artifact: { digest: "", path, format: "xclbin", platform: U50_PLATFORM, manifest },
  };
}

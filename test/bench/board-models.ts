/** Models for boards, as the benches serve them: one model in a repository of its own. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  denseNetwork,
  kernelSource,
  manifestOf,
} from "../../backends/common/opencl/testing/dense-network.ts";
import type { ArtifactManifest, ManifestTensor } from "../../backends/contract.ts";
import { facileVariant } from "../../backends/xilinx-u50/testing/facile.ts";

/** As large as the jet tagger. */
export const BENCH_NETWORK = denseNetwork([16, 64, 32, 32, 5]);

/** @param network file with FACILE. @returns the repository's folder */
export function facileRepository(folder: string, network: string, maxBatchSize: number): string {
  const variant = join(makeModel(folder, "facile"), "u50");
  mkdirSync(variant);
  const { artifact } = facileVariant(JSON.parse(readFileSync(network, "utf8")), variant);
  if (artifact.manifest === undefined) throw new Error("a variant without a manifest");
  finish(folder, "facile", "u50", artifact.manifest, maxBatchSize);
  return folder;
}

/** The dense network as OpenCL C; clients send and get raw integers. */
export function denseRepository(folder: string, maxBatchSize: number): string {
  const variant = join(makeModel(folder, "dense"), "intel");
  mkdirSync(variant);
  writeFileSync(join(variant, "model.cl"), kernelSource(BENCH_NETWORK));
  const raw = { datatype: "INT16" } as const;
  finish(folder, "dense", "intel", manifestOf(BENCH_NETWORK, { x: raw, y: raw }), maxBatchSize);
  return folder;
}

function makeModel(folder: string, name: string): string {
  const version = join(folder, name, "1");
  mkdirSync(version, { recursive: true });
  return version;
}

function finish(
  folder: string,
  name: string,
  variant: string,
  manifest: ArtifactManifest,
  maxBatchSize: number,
): void {
  writeFileSync(join(folder, name, "1", variant, "manifest.json"), JSON.stringify(manifest));
  const tensor = ({ name: tensorName, datatype, shape }: ManifestTensor) =>
    `{ name: "${tensorName}" data_type: TYPE_${datatype} dims: [ ${shape.join(", ")} ] }`;
  const config = `
name: "${name}" backend: "${manifest.backend}" max_batch_size: ${maxBatchSize}
input [ ${manifest.inputs.map(tensor).join(", ")} ]
output [ ${manifest.outputs.map(tensor).join(", ")} ]
dynamic_batching { }
`;
  writeFileSync(join(folder, name, "config.pbtxt"), config);
}

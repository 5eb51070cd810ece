/**
 * Every ONNX model of a repository by the arm-cpu backend, on the CPU that this process finds: the same
 * program runs natively and under qemu. Arguments: the repository, the file to write.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { armCpu } from "../../backends/arm-cpu/backend.ts";
import type { Device, ModelVariant, Tensor } from "../../backends/contract.ts";
import { type Answers, type ModelAnswer, written } from "./answers-file.ts";
import { seededInputs } from "./seeded-inputs.ts";

const ROWS = 4;
/** The backend pins itself, so that its call into the C library is tried as well. */
const CORES = [0];

const [repository = "", file = ""] = argv.slice(2);
const { signal } = new AbortController();
const backend = await armCpu.create({}, { log() {} });
const [device] = await backend.devices();
if (device === undefined) throw new Error("arm-cpu found no device");
const models: ModelAnswer[] = [];
for (const model of readdirSync(repository).sort()) {
  const path = join(repository, model, "1", "model.onnx");
  if (existsSync(path)) models.push(await answer(model, path, device));
}
await backend.close();
const answers: Answers = { device, node: process.version, models };
writeFileSync(file, JSON.stringify(answers));

async function answer(model: string, path: string, onto: Device): Promise<ModelAnswer> {
  const variant = await describeModel(model, path);
  const instance = await backend.load(variant, onto, { cores: CORES }, signal);
  const inputs = seededInputs(variant, ROWS);
  const begun = performance.now();
  const outputs: readonly Tensor[] = await instance.execute(
    {
      inputs,
      outputs: variant.outputs.map(({ name }) => name),
      members: [{ rows: variant.maxBatchSize > 0 ? ROWS : 1 }],
      reserve: (byteLength) => new Uint8Array(byteLength),
    },
    signal,
  );
  const runMs = performance.now() - begun;
  await instance.unload();
  return { model, runMs, outputs: outputs.map(written) };
}

async function describeModel(model: string, path: string): Promise<ModelVariant> {
  const artifact = { digest: "", path, format: "onnx", platform: "any" };
  const { inputs = [], outputs = [], batchable = false } = await armCpu.inspect(artifact);
  const rowsOf = <T extends { readonly shape: readonly number[] }>(specs: readonly T[]) =>
    batchable ? specs.map((spec) => ({ ...spec, shape: spec.shape.slice(1) })) : specs;
  return {
    model,
    version: "1",
    inputs: rowsOf(inputs),
    outputs: rowsOf(outputs),
    maxBatchSize: batchable ? ROWS : 0,
    artifact,
  };
}

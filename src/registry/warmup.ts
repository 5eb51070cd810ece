/** `model_warmup` of a configuration as requests that can be run. Texts are Triton's where it has one. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Datatype } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { scanBytesTensor } from "../inference/bytes-tensor.ts";
import { CONFIG_TYPE, elementSizeBytes, shapeText } from "../inference/datatypes.ts";
import { onePiece } from "../inference/pieces.ts";
import type { ModelSignature } from "../inference/request.ts";
import { elementCount } from "../inference/shapes.ts";
import type { WarmupInput, WarmupSample } from "../inference/warmup.ts";
import type { Logger } from "../logger.ts";
import type { ConfigWarmup, ConfigWarmupInput } from "./model-config.ts";

/** Beside the version folders. */
const FOLDER = "warmup";
/** A sample is one request of one row: real ones have some kB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Bytes of one input of a sample, all its rows together. */
const MAX_INPUT_BYTES = 2 ** 30;
/** Runs of one sample. */
const MAX_RUNS = 10_000;

/**
 * @param folder of the model
 * @throws StatusError INVALID_ARGUMENT naming sample and input
 */
export async function warmupSamples(
  warmups: readonly ConfigWarmup[],
  signature: ModelSignature,
  folder: string,
  log: Logger,
): Promise<readonly WarmupSample[]> {
  const samples: WarmupSample[] = [];
  for (const warmup of warmups) {
    const { name = "", batch_size: batchSize = 0, count = 0, inputs = {} } = warmup;
    if (batchSize === 0) {
      log.warn(`skipping batch 0 warmup sample '${name}' of model '${signature.name}'`);
      continue;
    }
    const batched = signature.maxBatchSize > 0;
    if (batched && batchSize > signature.maxBatchSize) {
      throw invalid(
        `batch_size ${batchSize} of warmup sample '${name}' is larger than max_batch_size ` +
          `${signature.maxBatchSize} of model '${signature.name}'`,
      );
    }
    if (count > MAX_RUNS || (!batched && batchSize > MAX_RUNS)) {
      const runs = Math.max(count, batched ? 0 : batchSize);
      throw invalid(
        `warmup sample '${name}' of model '${signature.name}' asks for ${runs} runs, more than ` +
          `${MAX_RUNS} are a mistake`,
      );
    }
    const made = new Set((signature.made ?? []).map(({ spec }) => spec.name));
    const checked = Object.entries(inputs).map(([input, config]) => {
      if (!made.has(input)) return checkedInput(name, input, config, signature, folder, batchSize);
      log.warn(`warmup sample '${name}': input '${input}' is made by the server, it stays zero`);
      return [];
    });
    samples.push({
      name,
      // Without a batch axis the requests of a batch are run one after the other.
      count: Math.max(1, count) * (batched ? 1 : batchSize),
      rows: batched ? batchSize : 1,
      inputs: (await Promise.all(checked)).flat(),
    });
  }
  return samples;
}

async function checkedInput(
  sample: string,
  name: string,
  config: ConfigWarmupInput,
  signature: ModelSignature,
  folder: string,
  rows: number,
): Promise<WarmupInput> {
  const where = `warmup sample '${sample}' of model '${signature.name}'`;
  const spec = signature.inputs.find((input) => input.name === name);
  if (spec === undefined) throw invalid(`${where} names input '${name}', which the model lacks`);
  if (config.data_type !== CONFIG_TYPE[spec.datatype]) {
    throw invalid(
      `${where}: input '${name}' is ${config.data_type ?? "TYPE_INVALID"}, ` +
        `but the model expects ${CONFIG_TYPE[spec.datatype]}`,
    );
  }
  const shape = (config.dims ?? []).map(Number);
  if (shape.some((length) => length < 0)) {
    throw invalid(
      `warmup setting expects all variable-size dimensions are specified for input '${name}'`,
    );
  }
  if (!fits(shape, spec.shape)) {
    throw invalid(
      `${where}: input '${name}' has dims ${shapeText(shape)}, but the model expects ${shapeText(spec.shape)}`,
    );
  }
  const bytes = elementCount(shape) * (elementSizeBytes(spec.datatype) || 1) * rows;
  if (bytes > MAX_INPUT_BYTES) {
    throw invalid(
      `${where}: input '${name}' with dims ${shapeText(shape)} and ${rows} rows has ${bytes} bytes, ` +
        `at most ${MAX_INPUT_BYTES} are run`,
    );
  }
  const { input_data_file: file, zero_data: zero, random_data: random } = config;
  if (file !== undefined) {
    const path = join(folder, FOLDER, file);
    await checkFile(path, file, spec.datatype, elementCount(shape));
    return { name, shape, data: { file: path } };
  }
  if (zero === undefined && random === undefined) {
    throw invalid(`warmup setting expects input '${name}' to have input_data_type set`);
  }
  return { name, shape, data: random === undefined ? "zero" : "random" };
}

function fits(shape: readonly number[], expected: readonly number[]): boolean {
  return (
    shape.length === expected.length &&
    shape.every((length, axis) => expected[axis] === -1 || expected[axis] === length)
  );
}

async function checkFile(
  path: string,
  name: string,
  datatype: Datatype,
  elements: number,
): Promise<void> {
  const handle = await open(path).catch((cause: unknown) => {
    throw invalid(`failed to open text file for read ${path}: ${String(cause)}`, cause);
  });
  try {
    const facts = await handle.stat();
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) {
      throw invalid(`${path} is no file of at most ${MAX_FILE_BYTES} bytes`);
    }
    if (datatype === "BYTES") checkTexts(await handle.readFile(), name, elements);
    else if (facts.size < elements * elementSizeBytes(datatype)) {
      throw invalid(
        `warmup setting expects ${elements * elementSizeBytes(datatype)} bytes, but the data ` +
          `provided from ${name} only has ${facts.size} bytes`,
      );
    }
  } finally {
    await handle.close();
  }
}

function checkTexts(data: Uint8Array, name: string, elements: number): void {
  const { elements: found, lengthBytesLeft, cutOff } = scanBytesTensor(onePiece(data), elements);
  if (found === elements && lengthBytesLeft === 0 && cutOff === undefined) return;
  throw invalid(
    `warmup setting expects ${elements} elements, each with its length in front, but the data ` +
      `provided from ${name} is not that`,
  );
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}

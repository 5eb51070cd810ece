/** Requests made from a model's metadata alone, as perf_analyzer makes them: zeros, random numbers, or data from a file. */
import { readFileSync } from "node:fs";
import type { Random } from "../../../models/make/random.ts";
import { elementSizeBytes } from "../../../src/inference/datatypes.ts";
import { onePiece } from "../../../src/inference/pieces.ts";
import type { Parameters } from "../../../src/inference/request.ts";
import type { ModelFacts, TensorMetadata } from "../../drivers/control/control.ts";
import { hasBatchAxis } from "../../payloads/fit-model.ts";
import { randomData } from "../../payloads/random-tensors.ts";
import type { PooledRequest } from "../plan.ts";
import { bytesTensor } from "./tensors.ts";

export interface RequestFlags {
  readonly batchSize: number;
  /** Without the batch axis, by input. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** `zero`, `random`, or a JSON file in perf_analyzer's form. */
  readonly inputData: string;
  readonly parameters: Parameters | undefined;
  /** Outputs that are asked for; empty: all. */
  readonly outputs: readonly string[];
}

/** Distinct requests of random data; with big ones fewer. */
const MOST_REQUESTS = 1024;
const MOST_BYTES = 64 * 2 ** 20;

/** @throws Error with what has to be said about a model that leaves its shapes open */
export function requestsOf(
  facts: ModelFacts,
  version: string,
  flags: RequestFlags,
  random: Random,
): PooledRequest[] {
  const batched = hasBatchAxis(facts);
  if (!batched && flags.batchSize > 1) {
    throw new Error(`-b ${flags.batchSize}: model '${facts.name}' has no batch axis`);
  }
  const most = facts.maxBatchSize ?? 0;
  if (batched && most > 0 && flags.batchSize > most) {
    throw new Error(`-b ${flags.batchSize}: model '${facts.name}' takes at most ${most} rows`);
  }
  const known = new Set(facts.inputs.map(({ name }) => name));
  for (const name of flags.shapes.keys()) {
    if (!known.has(name))
      throw new Error(`--shape ${name}: the model has ${[...known].join(", ")}`);
  }
  const shapes = facts.inputs.map((input) => shapeOf(input, batched, flags));
  const make = (input: TensorMetadata, shape: readonly number[], data: Uint8Array) => ({
    ...{ name: input.name, datatype: input.datatype, shape },
    parameters: undefined,
    data: onePiece(data),
  });
  const rows = batched ? flags.batchSize : 1;
  const pooled = (tensors: readonly Uint8Array[]): PooledRequest => ({
    request: {
      ...{ model: facts.name, version, id: "", parameters: flags.parameters },
      inputs: facts.inputs.map((input, at) =>
        make(input, shapes[at] ?? [], tensors[at] ?? new Uint8Array()),
      ),
      outputs: flags.outputs.map((name) => ({ name, parameters: undefined })),
    },
    ...{ rows, identity: 0 },
  });
  if (flags.inputData === "zero") {
    return [pooled(facts.inputs.map((input, at) => zeros(input, shapes[at] ?? [])))];
  }
  if (flags.inputData !== "random") {
    const steps = readData(flags.inputData);
    return steps.map((step) =>
      pooled(
        facts.inputs.map((input, at) => {
          const values = step[input.name];
          if (values === undefined) {
            throw new Error(`${flags.inputData}: no data for input '${input.name}'`);
          }
          return bytesTensor(values, input, shapes[at] ?? [], rows, flags.inputData);
        }),
      ),
    );
  }
  const requests: PooledRequest[] = [];
  for (let bytes = 0; requests.length < MOST_REQUESTS && bytes < MOST_BYTES; ) {
    const tensors = facts.inputs.map((input, at) =>
      randomData(input.datatype, shapes[at] ?? [], random),
    );
    bytes += tensors.reduce((sum, { length }) => sum + length, 0);
    requests.push(pooled(tensors));
  }
  return requests;
}

function shapeOf(input: TensorMetadata, batched: boolean, flags: RequestFlags): number[] {
  const told = flags.shapes.get(input.name);
  const own = batched ? input.shape.slice(1) : input.shape;
  const shape = told ?? own;
  if (shape.some((length) => length < 0)) {
    throw new Error(
      `input '${input.name}' has the open shape [${own.join(",")}]: say how long, --shape ${input.name}:${own
        .map((length) => (length < 0 ? "N" : length))
        .join(",")}`,
    );
  }
  return batched ? [flags.batchSize, ...shape] : [...shape];
}

function zeros({ datatype }: TensorMetadata, shape: readonly number[]): Uint8Array {
  const elements = shape.reduce((product, length) => product * length, 1);
  // Of BYTES each element is a length of 0.
  return new Uint8Array(elements * (elementSizeBytes(datatype) || 4));
}

/** `{"data": [{"INPUT": [1, 2]}, ...]}`: perf_analyzer's file of real input data. */
function readData(file: string): Record<string, unknown>[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Error(`--input-data ${file}: expected zero, random or a JSON file`, { cause });
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw new Error(`--input-data ${file}: no JSON`, { cause });
  }
  const { data } = (read ?? {}) as { readonly data?: unknown };
  if (!Array.isArray(data) || data.length === 0) {
    throw new Error(`--input-data ${file}: expected {"data": [{"INPUT": [...]}, ...]}`);
  }
  return data.flat() as Record<string, unknown>[];
}

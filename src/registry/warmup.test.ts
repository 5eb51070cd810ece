import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelSignature } from "../inference/request.ts";
import { silent } from "../logger.ts";
import type { ConfigWarmup, ConfigWarmupInput } from "./model-config.ts";
import { warmupSamples } from "./warmup.ts";

const signature: ModelSignature = {
  name: "m",
  version: "1",
  maxBatchSize: 8,
  inputs: [
    { name: "x", datatype: "FP32", shape: [-1, 2] },
    { name: "text", datatype: "BYTES", shape: [2] },
  ],
  outputs: [],
  made: [
    {
      from: "sequence",
      control: "START",
      spec: { name: "START", datatype: "INT32", shape: [1] },
    },
  ],
  decoupled: false,
  reproducible: false,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-warmup-"));
  mkdirSync(join(folder, "warmup"));
  writeFileSync(join(folder, "warmup", "24"), new Uint8Array(24));
  writeFileSync(join(folder, "warmup", "texts"), Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0x61]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const samples = (warmup: ConfigWarmup, of = signature) =>
  warmupSamples([{ name: "s", batch_size: 1, ...warmup }], of, folder, silent);
const x = (over: ConfigWarmupInput = {}): ConfigWarmup => ({
  inputs: { x: { data_type: "TYPE_FP32", dims: ["3", "2"], zero_data: true, ...over } },
});
const text = (over: ConfigWarmupInput): ConfigWarmup => ({
  inputs: { text: { data_type: "TYPE_STRING", dims: ["2"], ...over } },
});

describe("a warm-up sample", () => {
  it("becomes requests of one row each", async () => {
    expect(await samples({ ...x(), batch_size: 4, count: 3 })).toEqual([
      { name: "s", count: 3, rows: 4, inputs: [{ name: "x", shape: [3, 2], data: "zero" }] },
    ]);
  });

  it("is run once where it names no count, and not at all with batch size 0", async () => {
    expect((await samples(x()))[0]?.count).toBe(1);
    expect(await samples({ ...x(), batch_size: 0 })).toEqual([]);
  });

  it("of a model without a batch axis is run request by request", async () => {
    const unbatched = { ...signature, maxBatchSize: 0 };
    expect(await samples({ ...x(), batch_size: 4, count: 3 }, unbatched)).toMatchObject([
      { count: 12, rows: 1 },
    ]);
  });

  it("may be random, or lie in a file of the folder `warmup`, which may be longer", async () => {
    const random = {
      inputs: { x: { data_type: "TYPE_FP32", dims: ["1", "2"], random_data: true } },
    };
    expect((await samples(random))[0]?.inputs[0]?.data).toBe("random");
    const file = { data_type: "TYPE_FP32", dims: ["2", "2"], input_data_file: "24" };
    expect((await samples({ inputs: { x: file } }))[0]?.inputs[0]?.data).toEqual({
      file: join(folder, "warmup", "24"),
    });
    expect(await samples(text({ input_data_file: "texts" }))).toHaveLength(1);
  });

  it("says nothing about inputs that the server makes", async () => {
    const start = { data_type: "TYPE_INT32", dims: ["1"], zero_data: true };
    expect((await samples({ inputs: { START: start } }))[0]?.inputs).toEqual([]);
  });

  it.each<[string, ConfigWarmup, string]>([
    [
      "too many rows",
      { ...x(), batch_size: 9 },
      "batch_size 9 of warmup sample 's' is larger than max_batch_size 8 of model 'm'",
    ],
    [
      "very many runs",
      { ...x(), count: 4294967295 },
      "warmup sample 's' of model 'm' asks for 4294967295 runs, more than 10000 are a mistake",
    ],
    [
      "a huge input",
      { inputs: { x: { data_type: "TYPE_FP32", dims: ["2147483647", "2"], zero_data: true } } },
      "warmup sample 's' of model 'm': input 'x' with dims [2147483647,2] and 1 rows has 17179869176 " +
        "bytes, at most 1073741824 are run",
    ],
    [
      "an unknown input",
      { inputs: { z: {} } },
      "warmup sample 's' of model 'm' names input 'z', which the model lacks",
    ],
    [
      "another datatype",
      x({ data_type: "TYPE_INT32" }),
      "warmup sample 's' of model 'm': input 'x' is TYPE_INT32, but the model expects TYPE_FP32",
    ],
    [
      "a free axis",
      x({ dims: ["-1", "2"] }),
      "warmup setting expects all variable-size dimensions are specified for input 'x'",
    ],
    [
      "another shape",
      x({ dims: ["3", "4"] }),
      "warmup sample 's' of model 'm': input 'x' has dims [3,4], but the model expects [-1,2]",
    ],
    [
      "no data",
      { inputs: { x: { data_type: "TYPE_FP32", dims: ["3", "2"] } } },
      "warmup setting expects input 'x' to have input_data_type set",
    ],
    [
      "a short file",
      x({ dims: ["4", "2"], input_data_file: "24" }),
      "warmup setting expects 32 bytes, but the data provided from 24 only has 24 bytes",
    ],
    [
      "too few texts",
      text({ input_data_file: "24" }),
      "warmup setting expects 2 elements, each with its length in front, but the data provided from 24 is not that",
    ],
    ["no file", x({ input_data_file: "nowhere" }), "failed to open text file for read "],
    ["a folder", x({ input_data_file: "." }), "is no file of at most"],
  ])("with %s is refused", async (_, warmup, reason) => {
    await expect(samples(warmup)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(reason),
    });
  });
});

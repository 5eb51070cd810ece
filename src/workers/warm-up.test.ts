import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BackendError,
  type Execution,
  type ModelInstance,
  type ModelVariant,
} from "../../backends/contract.ts";
import type { WarmupSample } from "../inference/warmup.ts";
import { warmUp } from "./warm-up.ts";

const variant: ModelVariant = {
  model: "m",
  version: "1",
  inputs: [
    { name: "x", datatype: "INT32", shape: [2] },
    { name: "ids", datatype: "FP32", shape: [-1] },
  ],
  outputs: [{ name: "y", datatype: "INT32", shape: [2] }],
  maxBatchSize: 4,
  artifact: { digest: "", path: "", format: "test", platform: "any" },
};

let folder: string;
let seen: Execution[];
let instance: ModelInstance;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-warm-up-"));
  seen = [];
  instance = {
    device: { id: "d", vendor: "v", platform: "any" },
    execute: async (execution) => {
      seen.push(execution);
      return [];
    },
    unload: async () => {},
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const run = (samples: readonly WarmupSample[], of = variant) =>
  warmUp(samples, { variant: of, signature: undefined, instance, signal, freeDim: 3 });
const ints = (data: Uint8Array | undefined) => [
  ...new Int32Array(Uint8Array.from(data ?? []).buffer),
];
const only = { name: "s", count: 1, rows: 1 };

describe("warming up", () => {
  it("runs every sample as often as it says, with so many requests of a row", async () => {
    await run([
      { ...only, count: 3, rows: 4, inputs: [{ name: "x", shape: [2], data: "zero" }] },
      { ...only, inputs: [{ name: "ids", shape: [5], data: "random" }] },
    ]);
    expect(seen).toHaveLength(4);
    expect(seen[0]?.members).toHaveLength(4);
    expect(seen.map(({ inputs }) => inputs.map(({ shape }) => shape))).toEqual([
      ...Array.from({ length: 3 }, () => [
        [4, 2],
        [4, 3],
      ]),
      [
        [1, 2],
        [1, 5],
      ],
    ]);
    expect(ints(seen[0]?.inputs[0]?.data)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(ints(seen[3]?.inputs[1]?.data).some((bits) => bits !== 0)).toBe(true);
  });

  it("takes the first bytes of a file for every row", async () => {
    const file = join(folder, "x.bin");
    writeFileSync(file, new Uint8Array(Int32Array.of(7, -8, 99).buffer));
    await run([{ ...only, rows: 2, inputs: [{ name: "x", shape: [2], data: { file } }] }]);
    expect(ints(seen[0]?.inputs[0]?.data)).toEqual([7, -8, 7, -8]);
  });

  it("takes the elements of texts from a file", async () => {
    const texts: ModelVariant = {
      ...variant,
      inputs: [{ name: "x", datatype: "BYTES", shape: [2] }],
      maxBatchSize: 0,
    };
    const file = join(folder, "x.bin");
    const elements = Buffer.from([1, 0, 0, 0, 0x61, 0, 0, 0, 0]);
    writeFileSync(file, elements);
    await run([{ ...only, inputs: [{ name: "x", shape: [2], data: { file } }] }], texts);
    expect(seen[0]?.inputs[0]).toMatchObject({ shape: [2], datatype: "BYTES" });
    expect(Buffer.from(seen[0]?.inputs[0]?.data ?? [])).toEqual(elements);
  });

  it("ends at the sample that fails, and names it", async () => {
    instance.execute = async () => {
      throw new BackendError("exhausted", "out of memory");
    };
    const failing = run([
      { ...only, inputs: [] },
      { ...only, name: "never", inputs: [] },
    ]);
    await expect(failing).rejects.toMatchObject({
      fault: "exhausted",
      message: "failed to run warmup sample 's': out of memory",
    });
  });
});

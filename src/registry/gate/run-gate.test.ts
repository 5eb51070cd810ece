import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Tensor } from "../../../backends/contract.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { openNpz } from "../../npz/read-npz.ts";
import { writeNpz } from "../../npz/write-npz.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import { generateInputs } from "../golden/generate.ts";
import { GoldenPair } from "../golden/golden-files.ts";
import type { GateExecutor } from "./executor.ts";
import { writeGoldenOutputs } from "./golden-outputs.ts";
import { runGate } from "./run-gate.ts";

const SIGNATURE: ModelSignature = {
  name: "jets",
  version: "3",
  maxBatchSize: 8192,
  inputs: [{ name: "x", datatype: "FP32", shape: [4] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
  decoupled: false,
  reproducible: false,
};
const DIGEST = `sha256:${"a".repeat(64)}`;
const IDENTITY = {
  artifact: DIGEST,
  golden: { inputs: DIGEST, outputs: DIGEST },
  reference: DIGEST,
  software: "test",
};
const EXACT: Equivalence = { class: { kind: "bit-exact" } };

/** What is wrong with an answer: the row of the batch, its size, the values of y. */
type Fault = (row: number, rows: number, y: Float32Array) => void;

let folder: string;
let paths: { inputs: string; outputs: string };
let executed: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-gate-"));
  paths = { inputs: join(folder, "in.npz"), outputs: join(folder, "out.npz") };
  executed = [];
  const options = { rows: 3000, seed: 1, freeDim: 1, wideIntegers: true };
  await generateInputs(paths.inputs, SIGNATURE, { ...options, encodings: new Map() });
  await writeGoldenOutputs(SIGNATURE, paths, machine(), new AbortController().signal);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** y = (sum of x, x[0]) of each row, with a fault. */
function machine(fault: Fault = () => {}, maxBatchSize = 8192): GateExecutor {
  return {
    device: { id: "d0", vendor: "none", platform: "any", emulated: true },
    maxBatchSize,
    async execute([request]: readonly (readonly Tensor[])[]) {
      const [x] = request ?? [];
      if (x === undefined) throw new Error("no input");
      const rows = maxBatchSize === 0 ? 1 : (x.shape[0] ?? 0);
      executed.push(rows);
      const values = new Float32Array(Uint8Array.from(x.data).buffer);
      const y = new Float32Array(2 * rows);
      for (let row = 0; row < rows; row += 1) {
        const own = values.subarray(4 * row, 4 * row + 4);
        y[2 * row] = own.reduce((sum, value) => sum + value, 0);
        y[2 * row + 1] = own[0] ?? 0;
        fault(row, rows, y.subarray(2 * row, 2 * row + 2));
      }
      const data = new Uint8Array(y.buffer);
      const shape = maxBatchSize === 0 ? [2] : [rows, 2];
      return [[{ name: "y", datatype: "FP32", shape, data }]];
    },
    async close() {},
  };
}

const spoil = (y: Float32Array) => y.fill(1e6);

function verdictOf(executor: GateExecutor | Error, equivalence = EXACT, signature = SIGNATURE) {
  return runGate({
    signature,
    equivalence,
    golden: paths,
    identity: IDENTITY,
    executor: async () => {
      if (executor instanceof Error) throw executor;
      return executor;
    },
    tell: () => {},
    signal: new AbortController().signal,
    now: () => 0,
    date: () => "2026-11-28T00:00:00Z",
  });
}

describe("an artifact that computes the same", () => {
  it("passes, and every row was executed twice, at two places, and more", async () => {
    const verdict = await verdictOf(machine());
    expect(verdict).toMatchObject({
      passed: true,
      rows: 3000,
      model: "jets",
      version: "3",
      device: { id: "d0", emulated: true },
      batchInvariance: { invariant: true },
      outputs: [{ name: "y", failing: 0, differing: 0, elements: 6000 }],
    });
    const arrangements = verdict.batchInvariance.cases.map(({ arrangement }) => arrangement);
    expect(new Set(arrangements)).toEqual(new Set(["elsewhere", "alone", "padded", "batch"]));
    expect(Math.max(...executed)).toBe(8192);
  });

  it("passes row by row where the model has no batch axis", async () => {
    const signature = { ...SIGNATURE, maxBatchSize: 0 };
    const verdict = await verdictOf(machine(undefined, 0), EXACT, signature);
    expect(verdict).toMatchObject({
      passed: true,
      batchInvariance: {
        invariant: true,
        cases: [{ arrangement: "elsewhere", rows: 1, compared: 64, differing: 0, failing: 0 }],
      },
    });
    expect(executed.filter((rows) => rows === 1).length).toBe(3000 + 64);
  });
});

describe("an artifact with a wrong number", () => {
  it("fails at numeric-equivalence, with the row", async () => {
    const verdict = await verdictOf(machine((_row, _rows, y) => y.set([(y[0] ?? 0) * 1.5])));
    expect(verdict).toMatchObject({ passed: false, failedCheck: "numeric-equivalence" });
    expect(verdict.reason).toMatch(/output 'y': \d+ of 6000 elements are outside bit-exact/);
    expect(verdict.outputs[0]?.worst[0]).toMatchObject({ element: 0 });
  });

  it("passes where its class allows as much", async () => {
    const off: Fault = (_row, _rows, y) => {
      y[1] = (y[1] ?? 0) + 0.001;
    };
    const near: Equivalence = { class: { kind: "abs-rel", abs: 0.01, rel: 0 } };
    expect((await verdictOf(machine(off), near)).passed).toBe(true);
    expect((await verdictOf(machine(off))).passed).toBe(false);
  });
});

describe("an answer that depends on its company", () => {
  it.each<[string, Fault]>([
    ["one place of large batches", (row, rows, y) => row === 41 && rows > 64 && spoil(y)],
    ["every 97th place", (row, _rows, y) => row % 97 === 41 && spoil(y)],
    ["the last row of every batch", (row, rows, y) => rows > 1 && row === rows - 1 && spoil(y)],
    ["batches beyond 5000 rows", (row, rows, y) => rows > 5000 && row === 0 && spoil(y)],
    ["odd batches", (row, rows, y) => rows % 2 === 1 && rows > 1 && row === 0 && spoil(y)],
    ["rows alone", (_row, rows, y) => rows === 1 && spoil(y)],
    ["places past 2500", (row, _rows, y) => row > 2500 && spoil(y)],
  ])("fails at batch-invariance: %s", async (_, fault) => {
    const verdict = await verdictOf(machine(fault));
    expect(verdict).toMatchObject({
      passed: false,
      failedCheck: "batch-invariance",
      batchInvariance: { invariant: false },
    });
  });

  it("is recorded, and allowed, where it stays within the class", async () => {
    const near: Equivalence = { class: { kind: "abs-rel", abs: 0.01, rel: 0 } };
    const fault: Fault = (row, _rows, y) => row % 2 === 1 && y.set([(y[1] ?? 0) + 0.001], 1);
    const verdict = await verdictOf(machine(fault), near);
    expect(verdict).toMatchObject({ passed: true, batchInvariance: { invariant: false } });
    const elsewhere = verdict.batchInvariance.cases.find(
      ({ arrangement }) => arrangement === "elsewhere",
    );
    expect(elsewhere).toMatchObject({ failing: 0, compared: 3000 });
    expect(elsewhere?.differing).toBeGreaterThan(0);
  });
});

describe("an artifact that does not run", () => {
  it("fails at load or execution, and nothing is thrown", async () => {
    const load = await verdictOf(new Error("no such board"));
    expect(load).toMatchObject({ passed: false, failedCheck: "load", reason: "no such board" });
    const broken: GateExecutor = {
      ...machine(),
      execute: () => Promise.reject(new Error("it hung")),
    };
    expect(await verdictOf(broken)).toMatchObject({ failedCheck: "execution", reason: "it hung" });
  });
});

describe("rows that are as long as images", () => {
  const width = 20_000;
  const images: ModelSignature = {
    ...SIGNATURE,
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
  };
  const rowBytes = 2 * 4 * width;

  it("are read a few at a time, also where they fail one by one", { timeout: 90_000 }, async () => {
    const chunks = [new Uint8Array(3 * 4 * width)];
    await writeNpz(paths.inputs, [{ name: "x", datatype: "FP32", shape: [3, width], chunks }]);
    await writeNpz(paths.outputs, [{ name: "y", datatype: "FP32", shape: [3, width], chunks }]);
    const read = vi.spyOn(GoldenPair.prototype, "chunks");
    try {
      const off: GateExecutor = {
        ...machine(undefined, 8),
        execute: async (requests) =>
          requests.map((request) =>
            request.map((x) => ({ ...x, name: "y", data: Buffer.from(x.data).fill(1) })),
          ),
      };
      expect(await verdictOf(off, EXACT, images)).toMatchObject({
        failedCheck: "numeric-equivalence",
      });
      const largest = Math.max(...read.mock.calls.map(([rows]) => rows));
      expect(read.mock.calls.length).toBeGreaterThan(4);
      expect(largest * rowBytes).toBeLessThan(64 * 1024 * 1024);
    } finally {
      read.mockRestore();
    }
  });
});

describe("golden outputs of which no number is finite", () => {
  it("prove nothing, whatever is compared with them", async () => {
    const nothing = machine((_row, _rows, y) => y.fill(Number.NaN));
    await writeGoldenOutputs(SIGNATURE, paths, nothing, new AbortController().signal);
    const verdict = await verdictOf(nothing);
    expect(verdict).toMatchObject({ passed: false, failedCheck: "numeric-equivalence" });
    expect(verdict.reason).toContain("golden output 'y' has not one finite number");
  });

  it("are fine where some are", async () => {
    const some: Fault = (row, _rows, y) => row % 3 > 0 && y.fill(Number.NaN);
    await writeGoldenOutputs(SIGNATURE, paths, machine(some), new AbortController().signal);
    const spoilt = await verdictOf(machine());
    expect(spoilt.reason).toMatch(/outside bit-exact/);
  });
});

describe("golden files that do not fit", () => {
  const chunks = [new Uint8Array(12)];
  it.each([
    [{ name: "x", datatype: "FP32", shape: [3], chunks }, "expected FP32 [-1,4]"],
    [{ name: "z", datatype: "FP32", shape: [3], chunks }, "have no array 'x', but z"],
    [{ name: "x", datatype: "INT32", shape: [3], chunks }, "is INT32 [3]"],
    [{ name: "x", datatype: "FP32", shape: [0, 4], chunks: [] }, "have no rows"],
  ] as const)("are refused: %o", async (array, text) => {
    await writeNpz(paths.inputs, [array]);
    await expect(verdictOf(machine())).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(text),
    });
  });

  const free: ModelSignature = {
    ...SIGNATURE,
    inputs: [
      { name: "x", datatype: "FP32", shape: [-1] },
      { name: "mask", datatype: "UINT8", shape: [], optional: true },
    ],
  };
  it.each([
    ["rows without elements", [["x", "FP32", [1e12, 0], 0]], "its rows have no elements"],
    ["more rows than can be compared", [["x", "FP32", [2 ** 24 + 1, 1], 4]], "at most 16777216"],
    [
      "arrays of different lengths",
      [
        ["x", "FP32", [3, 1], 4],
        ["mask", "UINT8", [2], 1],
      ],
      "'x' of the golden inputs has 3 rows, array 'mask' 2",
    ],
    [
      "an optional input of another type",
      [
        ["x", "FP32", [3, 1], 4],
        ["mask", "FP32", [3], 4],
      ],
      "'mask' of the golden inputs is FP32 [3], expected UINT8 [-1]",
    ],
  ] as const)("are refused before anything runs: %s", async (_, arrays, text) => {
    await writeNpz(
      paths.inputs,
      arrays.map(([name, datatype, shape, rowBytes]) => {
        const chunks = rowBytes === 0 ? [] : [new Uint8Array(shape[0] * rowBytes)];
        return { name, datatype, shape, chunks };
      }),
    );
    await expect(verdictOf(machine(), EXACT, free)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(text),
    });
    expect(executed.length).toBe(3);
  });
});

describe("golden outputs of the reference", () => {
  const signature: ModelSignature = {
    ...{ ...SIGNATURE, maxBatchSize: 0 },
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, -1] }],
  };
  const answering = (shapeOf: (row: number) => readonly number[]): GateExecutor => {
    let row = 0;
    return {
      ...machine(undefined, 0),
      async execute() {
        const shape = shapeOf(row++);
        const elements = shape.reduce((product, axis) => product * axis, 1);
        return [[{ name: "y", datatype: "FP32", shape, data: new Uint8Array(4 * elements) }]];
      },
    };
  };
  const { signal } = new AbortController();

  it("have the shape that was computed, with several axes of any length, too", async () => {
    await writeGoldenOutputs(
      signature,
      paths,
      answering(() => [2, 3]),
      signal,
    );
    const file = await openNpz(paths.outputs);
    expect(file.arrays[0]?.shape).toEqual([3000, 2, 3]);
    file.close();
  });

  it("are refused where a row has another shape: an array has room for one", async () => {
    const ragged = answering((row) => [1, row < 7 ? 3 : 4]);
    await expect(writeGoldenOutputs(signature, paths, ragged, signal)).rejects.toThrow(
      "output 'y' has shape [1,4], other golden rows' [1,3]",
    );
  });
});

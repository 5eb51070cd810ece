/** Faults that somebody might plant, and what the gate must not take for one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BackendError } from "../../../backends/contract.ts";
import { StatusError } from "../../errors.ts";
import type { NpzContent } from "../../npz/write-npz.ts";
import { writeNpz } from "../../npz/write-npz.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import type { GateExecutor } from "./executor.ts";
import { runGate } from "./run-gate.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-faults-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** What is added to the row at a place of a batch. */
type Fault = (place: number, size: number, value: number) => number;

/** Doubles one number a row. */
function twice(maxBatchSize: number, fault: Fault = () => 0): GateExecutor {
  return {
    device: { id: "fake-0", vendor: "none", platform: "any", emulated: true },
    maxBatchSize,
    async execute([request]) {
      const [x] = request ?? [];
      const values = new Float32Array(Uint8Array.from(x?.data ?? []).buffer);
      const rows = values.length;
      const doubled = values.map((value, place) => 2 * value + fault(place, rows, value));
      const shape = maxBatchSize > 0 ? [rows, 1] : [1];
      return [[{ name: "y", datatype: "FP32", shape, data: new Uint8Array(doubled.buffer) }]];
    },
    async close() {},
  };
}

const NEAR: Equivalence = { class: { kind: "abs-rel", abs: 0.25, rel: 0 } };

/** Golden rows 1, 2, 3, ..., of which the second half is signal. */
async function gate(
  executor: GateExecutor | (() => Promise<GateExecutor>),
  rows: number,
  equivalence = NEAR,
  labels?: "UINT8" | "INT64",
) {
  const values = Float32Array.from({ length: rows }, (_, row) => row + 1);
  const bytes = (numbers: Float32Array) => [new Uint8Array(numbers.buffer)];
  const at = ++files;
  const golden = { inputs: join(folder, `${at}-in.npz`), outputs: join(folder, `${at}-out.npz`) };
  const shape = [rows, 1];
  await writeNpz(golden.inputs, [{ name: "x", datatype: "FP32", shape, chunks: bytes(values) }]);
  const width = labels === "INT64" ? 8 : 1;
  const signal = new Uint8Array(width * rows);
  for (let row = rows >> 1; row < rows; row++) signal[width * row] = 1;
  const outputs: NpzContent[] = [
    { name: "y", datatype: "FP32", shape, chunks: bytes(values.map((value) => 2 * value)) },
  ];
  if (labels) outputs.push({ name: "labels", datatype: labels, shape: [rows], chunks: [signal] });
  await writeNpz(golden.outputs, outputs);
  const open = typeof executor === "function" ? executor : async () => executor;
  return runGate({
    signature: {
      ...{ name: "twice", version: "1", decoupled: false, reproducible: false },
      maxBatchSize: typeof executor === "function" ? 8 : executor.maxBatchSize,
      inputs: [{ name: "x", datatype: "FP32", shape: [1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    },
    identity: {
      ...{ artifact: "sha256:a", reference: "given", software: "test" },
      golden: { inputs: "sha256:i", outputs: "sha256:o" },
    },
    ...{ equivalence, golden, executor: open, tell() {}, now: () => 0, date: () => "" },
    signal: new AbortController().signal,
  });
}

describe("an artifact whose rows depend on their batch", () => {
  const faults: [string, Fault][] = [
    ["the 18th place of batches from 32", (place, size) => Number(size >= 32 && place === 17)],
    ["the last place of every batch, of one row, too", (place, size) => Number(place === size - 1)],
    ["the first place of smaller batches", (place, size) => Number(place === 0 && size < 600)],
    ["batches above 500", (_, size) => Number(size > 500)],
    ["every place but the first", (place) => place],
    ["rows by themselves", (_, size) => Number(size === 1)],
    ["one more than a power of two", (_, size) => Number([3, 5, 9, 17, 33].includes(size))],
    ["the last place of the largest batch", (place) => Number(place === 599)],
  ];
  for (const rows of [100, 600, 5000]) {
    it.each(faults)(`is refused as such with ${rows} golden rows: %s`, async (_, fault) => {
      const verdict = await gate(twice(600, fault), rows);
      expect([verdict.passed, verdict.failedCheck]).toEqual([false, "batch-invariance"]);
    });
  }

  it("is refused where an execution leaves something to the next one, without any batches", async () => {
    let before = 0;
    const fault: Fault = (_place, _size, value) => {
      const carried = before > value ? 1 : 0;
      before = value;
      return carried;
    };
    expect(await gate(twice(0, fault), 40)).toMatchObject({ failedCheck: "batch-invariance" });
  });
});

describe("an artifact by which rows are accepted", () => {
  const physics: Equivalence = {
    class: { kind: "physics", output: "y", threshold: 100, minAgreement: 0.95 },
  };

  it.each<[string, Fault]>([
    ["rows by themselves", (_, size) => (size === 1 ? 100 : 0)],
    ["small batches", (_, size) => (size < 20 ? 100 : 0)],
    ["the largest batch", (_, size) => (size === 64 ? 100 : 0)],
  ])("is refused where %s are decided otherwise", async (_, fault) => {
    const verdict = await gate(twice(64, fault), 60, physics);
    expect([verdict.passed, verdict.failedCheck]).toEqual([false, "batch-invariance"]);
  });

  it("passes where few are wrong, and the same ones in any company", async () => {
    const verdict = await gate(
      twice(64, () => 3),
      200,
      physics,
    );
    expect(verdict).toMatchObject({ passed: true, physics: { flipped: 1 } });
    expect(verdict.batchInvariance.cases.every(({ failing }) => failing === 0)).toBe(true);
  });

  it.each(["UINT8", "INT64"] as const)("knows its ROC curve by labels of %s", async (labels) => {
    const roc: Equivalence = {
      class: { kind: "physics", output: "y", threshold: 100, maxAucDifference: 0.1 },
    };
    const verdict = await gate(twice(16), 100, roc, labels);
    expect(verdict.physics).toMatchObject({ auc: 1, referenceAuc: 1 });
  });
});

describe("an artifact with outputs of another shape", () => {
  it("is refused, though its numbers are those of the reference", async () => {
    const { execute, ...rest } = twice(4);
    const flat: GateExecutor = {
      ...rest,
      execute: async (inputs, signal) =>
        (await execute(inputs, signal)).map((answer) =>
          answer.map((y) => ({ ...y, shape: y.shape.slice(0, 1) })),
        ),
    };
    expect(await gate(flat, 8)).toMatchObject({
      ...{ passed: false, failedCheck: "execution" },
      reason: "output 'y' has shape [4], the reference's [4,1]",
    });
  });
});

describe("what is no fault of the artifact", () => {
  it.each([
    new StatusError("UNAVAILABLE", "no board became free"),
    new StatusError("UNAVAILABLE", "gone", { cause: new BackendError("device", "gone") }),
    new BackendError("exhausted", "no memory left"),
  ])("is thrown, and no verdict says anything: %s", async (cause) => {
    await expect(gate(() => Promise.reject(cause), 8)).rejects.toBe(cause);
    const failing = { ...twice(8), execute: () => Promise.reject(cause) };
    await expect(gate(failing, 8)).rejects.toBe(cause);
  });

  it("is told from what is", async () => {
    const broken = new StatusError("INTERNAL", "x", { cause: new BackendError("artifact", "x") });
    expect(await gate(() => Promise.reject(broken), 8)).toMatchObject({ failedCheck: "load" });
    const failing = { ...twice(8), execute: () => Promise.reject(broken) };
    expect(await gate(failing, 8)).toMatchObject({ failedCheck: "execution", reason: "x" });
  });

  it("may be a golden file that was damaged", async () => {
    const { execute, ...rest } = twice(8);
    const damaging: GateExecutor = {
      ...rest,
      execute(inputs, signal) {
        const path = join(folder, `${files}-out.npz`);
        const bytes = readFileSync(path);
        const at = bytes.lastIndexOf(Buffer.from(Float32Array.of(16).buffer));
        if (at > 0) bytes[at] = 1;
        writeFileSync(path, bytes);
        return execute(inputs, signal);
      },
    };
    const lenient: Equivalence = { class: { kind: "abs-rel", abs: 100, rel: 0 } };
    await expect(gate(damaging, 8, lenient)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("its check sum is wrong"),
    });
  });
});

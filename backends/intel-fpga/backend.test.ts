import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { backendConformance } from "../conformance.ts";
import type {
  ArtifactManifest,
  Backend,
  KernelManifest,
  ManifestTensor,
  ModelInstance,
  ModelVariant,
  Tensor,
} from "../contract.ts";
import { intelFpga } from "./backend.ts";

/** Where Debian's pocl-opencl-icd announces itself. */
const POCL = existsSync("/etc/OpenCL/vendors/pocl.icd");
const folder = mkdtempSync(join(tmpdir(), "beamgate-intel-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const cacheFolder = join(folder, "cache");
const options = { emulated: { boards: 2 }, cacheFolder };

const ADD_SUB = `
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void add_sub(__global const int *x, __global const int *y, __global int *sum, __global int *difference, uint rows) {
  for (uint i = 0; i < 2 * rows; i++) { sum[i] = x[i] + y[i]; difference[i] = x[i] - y[i]; }
}`;
const rowOfTwo = (name: string): ManifestTensor => ({ name, datatype: "INT32", shape: [2] });
const ADD_SUB_KERNEL: KernelManifest = {
  name: "add_sub",
  computeUnits: [],
  arguments: [
    { index: 0, role: "input", tensor: "x" },
    { index: 1, role: "input", tensor: "y" },
    { index: 2, role: "output", tensor: "sum" },
    { index: 3, role: "output", tensor: "difference" },
    { index: 4, role: "rows" },
  ],
};

interface Given {
  readonly source?: string;
  readonly kernel?: KernelManifest;
  readonly inputs?: readonly ManifestTensor[];
  readonly outputs?: readonly ManifestTensor[];
  readonly maxBatchSize?: number;
  readonly digest?: string;
}

let files = 0;

function variant(given: Given = {}): ModelVariant {
  const { source = ADD_SUB, kernel = ADD_SUB_KERNEL, maxBatchSize = 8, digest } = given;
  const { inputs = ["x", "y"].map(rowOfTwo), outputs = ["sum", "difference"].map(rowOfTwo) } =
    given;
  const path = join(folder, `${files++}.cl`);
  writeFileSync(path, source);
  const manifest: ArtifactManifest = {
    ...{ manifest: 1, backend: "intel-fpga", vendor: "intel", numericClass: "test" },
    artifact: {
      ...{ file: "model.cl", format: "cl", platform: "pocl" },
      ...(digest === undefined ? {} : { digest }),
    },
    ...{ inputs, outputs, kernel },
  };
  const spec = ({ name, datatype, shape }: ManifestTensor) => ({ name, datatype, shape });
  return {
    ...{ model: "m", version: "1", maxBatchSize },
    ...{ inputs: inputs.map(spec), outputs: outputs.map(spec) },
    artifact: { digest: "", path, format: "cl", platform: "pocl", manifest },
  };
}

const int32 = (name: string, shape: readonly number[], values: readonly number[]): Tensor => ({
  ...{ name, datatype: "INT32", shape },
  data: new Uint8Array(Int32Array.from(values).buffer),
});

const backends: Backend[] = [];
const instances: ModelInstance[] = [];
const logged: string[] = [];
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.unload();
  for (const backend of backends.splice(0)) await backend.close();
  logged.length = 0;
});

async function open(): Promise<Backend> {
  const log = (_level: string, message: string) => logged.push(message);
  const backend = await intelFpga.create(options, { log });
  backends.push(backend);
  return backend;
}

async function load(of: ModelVariant, board = 0, on?: Backend): Promise<ModelInstance> {
  const backend = on ?? (await open());
  const device = (await backend.devices())[board];
  if (device === undefined) throw new Error("no device");
  const instance = await backend.load(of, device, {}, signal);
  instances.push(instance);
  return instance;
}

async function run(instance: ModelInstance, inputs: readonly Tensor[], outputs: readonly string[]) {
  const got = await instance.execute(
    {
      ...{ inputs, outputs, members: [{ rows: inputs[0]?.shape[0] ?? 1 }] },
      reserve: (byteLength) => new Uint8Array(byteLength),
    },
    signal,
  );
  return got.map(({ data }) => new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4));
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);

describe.skipIf(!POCL)("intel-fpga on PoCL (apt: pocl-opencl-icd ocl-icd-libopencl1)", () => {
  backendConformance({
    module: intelFpga,
    options,
    batched: {
      variant: variant(),
      inputs: [int32("x", [2, 2], [1, 2, 3, 4]), int32("y", [2, 2], [10, 20, 30, -40])],
      outputs: [
        int32("sum", [2, 2], [11, 22, 33, -36]),
        int32("difference", [2, 2], [-9, -18, -27, 44]),
      ],
    },
    unbatched: {
      variant: variant({ maxBatchSize: 0 }),
      inputs: [int32("x", [2], [1, 2]), int32("y", [2], [10, 20])],
      outputs: [int32("sum", [2], [11, 22]), int32("difference", [2], [-9, -18])],
    },
    misfit: [int32("x", [2, 3], numbers(6)), int32("y", [2, 2], numbers(4))],
    unservable: { ...variant(), outputs: [{ name: "product", datatype: "INT32", shape: [2] }] },
  });

  it("shows as many boards as were asked for, as emulated", async () => {
    const devices = await (await open()).devices();
    expect(devices.map(({ id }) => id)).toEqual(["intel-emulated-0", "intel-emulated-1"]);
    for (const device of devices) {
      expect(device).toMatchObject({
        ...{ vendor: "intel", platform: "pocl", emulated: true, reconfigurable: true },
      });
    }
  });

  it("shows none that nobody asked for", async () => {
    const backend = await intelFpga.create({}, { log() {} });
    expect((await backend.devices()).filter(({ emulated }) => emulated)).toEqual([]);
  });

  describe("a batch larger than a call", () => {
    it("is cut into calls of a kernel that takes its rows", async () => {
      const instance = await load(variant({ maxBatchSize: 4 }));
      const x = int32("x", [11, 2], numbers(22));
      const y = int32("y", [11, 2], numbers(22, 100));
      const [sum, difference] = await run(instance, [x, y], ["sum", "difference"]);
      expect([...(sum ?? [])]).toEqual(numbers(22).map((n) => 2 * n + 100));
      expect([...(difference ?? [])]).toEqual(numbers(22).map(() => -100));
    });

    it("is spread over compute units", async () => {
      const source = `${ADD_SUB}${ADD_SUB.replace("void add_sub", "void add_sub_2")}`;
      const kernel = {
        ...ADD_SUB_KERNEL,
        computeUnits: ["add_sub", "add_sub_2"],
        buffersPerUnit: 3,
      };
      const instance = await load(variant({ source, kernel, maxBatchSize: 50 }));
      for (const rows of [1, 130, 777]) {
        const x = int32("x", [rows, 2], numbers(2 * rows));
        const y = int32("y", [rows, 2], numbers(2 * rows, 1));
        const [sum] = await run(instance, [x, y], ["sum"]);
        expect([...(sum ?? [])]).toEqual(numbers(2 * rows).map((n) => 2 * n + 1));
      }
    });
  });

  describe("a kernel with a fixed number of rows", () => {
    /** Every row of `total` is the sum over all rows of its call: padding shows. */
    const SUM_OF_ALL = `
      kernel void sum_of_all(global const int *x, global int *total) {
        int sum = 0;
        for (int i = 0; i < 4; i++) sum += x[i] + 1000;
        for (int i = 0; i < 4; i++) total[i] = sum;
      }`;
    const fixed = (buffersPerUnit: number) =>
      variant({
        source: SUM_OF_ALL,
        kernel: {
          ...{ name: "sum_of_all", computeUnits: [], rowsPerCall: 4, buffersPerUnit },
          arguments: [
            { index: 0, role: "input", tensor: "x" },
            { index: 1, role: "output", tensor: "total" },
          ],
        },
        inputs: [{ name: "x", datatype: "INT32", shape: [1] }],
        outputs: [{ name: "total", datatype: "INT32", shape: [1] }],
        maxBatchSize: 64,
      });

    it.each([1, 2])(
      "is given zeros behind a short batch, with %i sets of buffers",
      async (sets) => {
        const instance = await load(fixed(sets));
        for (const [rows, expected] of [
          [4, [4010, 4010, 4010, 4010]],
          [1, [4001]],
          [6, [4010, 4010, 4010, 4010, 4011, 4011]],
          [2, [4003, 4003]],
          [3, [4006, 4006, 4006]],
        ] as const) {
          const [total] = await run(instance, [int32("x", [rows, 1], numbers(rows, 1))], ["total"]);
          expect([...(total ?? [])]).toEqual([...expected]);
        }
      },
    );
  });

  describe("tensors that lie otherwise on the board", () => {
    it("are quantised, padded, and restored", async () => {
      const source = `
        kernel void halve(global const short *x, global short *y, uint rows) {
          for (uint row = 0; row < rows; row++)
            for (int i = 0; i < 3; i++) y[row * 4 + i] = x[row * 8 + i] / 2;
        }`;
      const encoding = { w: 16, i: 6, signed: true, q: "RND", o: "SAT" } as const;
      const instance = await load(
        variant({
          source,
          kernel: {
            ...{ name: "halve", computeUnits: [] },
            arguments: [
              { index: 0, role: "input", tensor: "x" },
              { index: 1, role: "output", tensor: "y" },
              { index: 2, role: "rows" },
            ],
          },
          inputs: [{ name: "x", datatype: "FP32", shape: [3], encoding, rowBytes: 16 }],
          outputs: [{ name: "y", datatype: "FP32", shape: [3], encoding, rowBytes: 8 }],
        }),
      );
      const values = Float32Array.of(1, 0.5, -3, 100, 0.25, -31.5);
      const x: Tensor = {
        name: "x",
        datatype: "FP32",
        shape: [2, 3],
        data: new Uint8Array(values.buffer),
      };
      const [y] = await instance.execute(
        { inputs: [x], outputs: ["y"], members: [{ rows: 2 }], reserve: () => undefined },
        signal,
      );
      expect([...new Float32Array(Uint8Array.from(y?.data ?? []).buffer)]).toEqual([
        0.5, 0.25, -1.5, 15.9990234375, 0.125, -15.75,
      ]);
      const nan = { ...x, data: new Uint8Array(Float32Array.of(1, 2, 3, 4, Number.NaN, 5).buffer) };
      const bad = instance.execute(
        { inputs: [nan], outputs: ["y"], members: [{ rows: 2 }], reserve: () => undefined },
        signal,
      );
      await expect(bad).rejects.toMatchObject({ fault: "input" });
      await expect(bad).rejects.toThrow('input "x": row 1 contains a NaN');
    });
  });

  describe("a board that leaves part of its answer unwritten", () => {
    const answering = (source: string) => {
      const kernel = { ...ADD_SUB_KERNEL, name: "lazy" };
      return load(
        variant({ source: ADD_SUB.replace("add_sub", "lazy").replace(/for.*\}/, source), kernel }),
      );
    };
    const inputs = [int32("x", [2, 2], numbers(4)), int32("y", [2, 2], numbers(4))];

    it.each([
      ["does nothing", ""],
      [
        "stops one element early",
        "for (uint i = 0; i < 2 * rows - 1; i++) { sum[i] = 1; difference[i] = 1; }",
      ],
      ["forgets an output", "for (uint i = 0; i < 2 * rows; i++) sum[i] = 1;"],
    ])("because it %s: fault `device`", async (_, source) => {
      const instance = await answering(source);
      const got = run(instance, inputs, ["sum", "difference"]);
      await expect(got).rejects.toMatchObject({ fault: "device" });
    });

    it.each([0xa5a5a5a5, 0x5a5a5a5a])(
      "is not blamed for answers that look like the mark %i",
      async (value) => {
        const instance = await answering(
          `for (uint i = 0; i < 2 * rows; i++) { sum[i] = ${value | 0}; difference[i] = 1; }`,
        );
        const [sum] = await run(instance, inputs, ["sum", "difference"]);
        expect([...(sum ?? [])]).toEqual(Array(4).fill(value | 0));
      },
    );
  });

  describe("compiled sources", () => {
    it("are compiled once, and loaded as binaries from then on", async () => {
      const own = variant({ source: `${ADD_SUB}// once` });
      await load(own);
      expect(logged).toEqual(["kernel source compiled"]);
      logged.length = 0;
      await load(own);
      expect(logged).toEqual([]);
    });

    it.each([
      ["cut off", (entry: Buffer) => entry.subarray(0, entry.length / 2)],
      ["cut off within its header", (entry: Buffer) => entry.subarray(0, 20)],
      ["empty", () => Buffer.alloc(0)],
      [
        "changed by one bit",
        (entry: Buffer) => Buffer.from(entry.map((b, i) => (i === 900 ? b ^ 1 : b))),
      ],
    ])("that lie there %s are made anew", async (what, spoil) => {
      const own = variant({ source: `${ADD_SUB}// ${what}` });
      const before = readdirSync(cacheFolder);
      await load(own);
      const [entry = ""] = readdirSync(cacheFolder).filter((name) => !before.includes(name));
      const path = join(cacheFolder, entry);
      writeFileSync(path, spoil(readFileSync(path)));
      logged.length = 0;
      const instance = await load(own);
      expect(logged).toEqual(["kernel source compiled"]);
      const inputs = [int32("x", [1, 2], [1, 2]), int32("y", [1, 2], [3, 4])];
      expect(await run(instance, inputs, ["sum"])).toEqual([Int32Array.of(4, 6)]);
    });

    it("that do not compile are refused with the compiler's words", async () => {
      const wrong = load(variant({ source: ADD_SUB.replace("+ y[i]", "+ z[i]") }));
      await expect(wrong).rejects.toMatchObject({ fault: "artifact" });
      await expect(wrong).rejects.toThrow(/does not compile.*undeclared identifier 'z'/s);
    });
  });

  describe("a board", () => {
    const other = `${ADD_SUB}// another image`;

    it("holds one image at a time", async () => {
      const backend = await open();
      const first = await load(variant(), 0, backend);
      const second = load(variant({ source: other }), 0, backend);
      await expect(second).rejects.toMatchObject({ fault: "exhausted" });
      instances.splice(instances.indexOf(first), 1);
      await first.unload();
      await load(variant({ source: other }), 0, backend);
    });

    it("does not mind what the one beside it holds", async () => {
      const backend = await open();
      await load(variant(), 0, backend);
      const beside = await load(variant({ source: other }), 1, backend);
      expect(beside.device.id).toBe("intel-emulated-1");
    });

    it("is free again after a load that failed", async () => {
      const backend = await open();
      const kernel = { ...ADD_SUB_KERNEL, buffersPerUnit: 2 };
      const huge: ManifestTensor = { name: "x", datatype: "INT32", shape: [2 ** 45] };
      const failed = load(variant({ kernel, inputs: [huge, rowOfTwo("y")] }), 0, backend);
      await expect(failed).rejects.toMatchObject({ fault: "exhausted" });
      await load(variant({ source: other }), 0, backend);
    });
  });
});

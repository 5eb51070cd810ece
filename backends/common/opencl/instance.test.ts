import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ModelInstance, Tensor } from "../../contract.ts";
import { OpenClBoard } from "./board.ts";
import * as dense from "./testing/dense-network.ts";
import { instanceOn, ON_POCL, POCL, privatePocl } from "./testing/pocl.ts";

const signal = new AbortController().signal;
const network = dense.denseNetwork([16, 24, 12, 5]);

/** Raw integers of ap_fixed<16,6> as the floats they stand for. */
const floats = (raw: Int16Array) => Float32Array.from(raw, (value) => value / 1024);

const x = (raw: Int16Array, datatype: "FP32" | "INT16" = "FP32"): Tensor => {
  const { buffer } = datatype === "FP32" ? floats(raw) : raw;
  return { name: "x", datatype, shape: [raw.length / 16, 16], data: new Uint8Array(buffer) };
};

async function run(instance: ModelInstance, input: Tensor): Promise<Uint8Array> {
  const [y] = await instance.execute(
    {
      ...{ inputs: [input], outputs: ["y"], members: [{ rows: input.shape[0] ?? 0 }] },
      reserve: (byteLength) => new Uint8Array(byteLength),
    },
    signal,
  );
  if (y === undefined) throw new Error("no output");
  return y.data;
}

const expected = (raw: Int16Array) => new Uint8Array(floats(dense.evaluate(network, raw)).buffer);

describe.skipIf(!POCL)("a dense network on PoCL (apt: pocl-opencl-icd ocl-icd-libopencl1)", () => {
  let folder: string;
  let board: OpenClBoard;
  let instance: ModelInstance | undefined;
  beforeAll(() => {
    folder = privatePocl();
    board = OpenClBoard.open(ON_POCL);
  });
  afterEach(async () => {
    await instance?.unload();
    instance = undefined;
  });
  afterAll(() => {
    board.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const load = (source: string) => board.load(board.compile(source, ""));

  it("gives the bits of the reference, whatever the number of rows", async () => {
    load(dense.kernelSource(network));
    instance = instanceOn(board, dense.manifestOf(network), 256);
    for (const rows of [1, 2, 255, 256, 257, 1000, 3]) {
      const raw = dense.rawInputs(network, rows, rows);
      expect(await run(instance, x(raw))).toEqual(expected(raw));
    }
  });

  it("gives them in the shape of FaaST: fixed rows, padded rows, sets of buffers", async () => {
    load(dense.kernelSource(network, { x: 32, y: 8 }));
    const manifest = dense.manifestOf(network, {
      ...{ x: { rowBytes: 64 }, y: { rowBytes: 16 } },
      kernel: { rowsPerCall: 128, buffersPerUnit: 4 },
    });
    instance = instanceOn(board, manifest, 4096);
    for (const rows of [1, 128, 130, 1000, 5]) {
      const raw = dense.rawInputs(network, rows, rows);
      expect(await run(instance, x(raw))).toEqual(expected(raw));
    }
  });

  it("takes and gives raw integers where the clients want them", async () => {
    load(dense.kernelSource(network));
    const tensor = { datatype: "INT16" } as const;
    instance = instanceOn(board, dense.manifestOf(network, { x: tensor, y: tensor }), 64);
    const raw = dense.rawInputs(network, 100);
    const got = await run(instance, x(raw, "INT16"));
    expect(got).toEqual(new Uint8Array(dense.evaluate(network, raw).buffer));
  });

  it("changes its answers with one weight", async () => {
    load(dense.kernelSource(network));
    const [first, ...rest] = network.layers;
    if (first === undefined) throw new Error("no layer");
    const weights = Int16Array.from(first.weights, (w, i) => (i === 5 ? w ^ 64 : w));
    load(dense.kernelSource({ ...network, layers: [{ ...first, weights }, ...rest] }));
    instance = instanceOn(board, dense.manifestOf(network), 64);
    const raw = dense.rawInputs(network, 64);
    expect(await run(instance, x(raw))).not.toEqual(expected(raw));
  });

  describe("an image that does not fit", () => {
    it.each([
      ["one byte", Buffer.from([1])],
      ["noise", Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251))],
      ["an ELF file", Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01"), Buffer.alloc(4096)])],
    ])("because it is %s is refused as an artifact", (_, bytes) => {
      expect(() => board.load(bytes)).toThrow(/clCreateProgramWithBinary.*CL_INVALID_BINARY/);
      expect(() => board.load(bytes)).toThrow(expect.objectContaining({ fault: "artifact" }));
    });

    it("because it lacks the kernel, or the kernel takes other arguments, is refused as one", () => {
      load("kernel void other(global int *x) {} kernel void dense(global int *x) { x[0] = 1; }");
      const named = (name: string) => dense.manifestOf(network, { kernel: { name } });
      expect(() => instanceOn(board, named("none"), 8)).toThrow('kernel "none": clCreateKernel');
      expect(() => instanceOn(board, named("dense"), 8)).toThrow(
        'kernel "dense" takes 1 arguments, the manifest names 3',
      );
    });

    it("leaves the board usable", async () => {
      load(dense.kernelSource(network));
      instance = instanceOn(board, dense.manifestOf(network), 8);
      const raw = dense.rawInputs(network, 8);
      expect(await run(instance, x(raw))).toEqual(expected(raw));
    });
  });

  it("is told of a platform that is not installed, and which are", () => {
    expect(() => OpenClBoard.open({ ...ON_POCL, platform: /^No Such Platform$/ })).toThrow(
      /no OpenCL platform matches .*installed: .*"Portable Computing Language"/,
    );
    expect(() => OpenClBoard.open({ ...ON_POCL, device: () => false })).toThrow(/no such device/);
  });
});

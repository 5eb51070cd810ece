/**
 * What the host adds to a kernel: the same kernel and buffers in a bare loop, and through
 * `OpenClInstance` with raw integers and with floats that are quantised and restored.
 *
 *   npx vitest bench --run --config test/vitest.config.ts --project backends host-path
 */
import { afterAll, bench, describe } from "vitest";
import type { Tensor } from "../../contract.ts";
import { OpenClBoard } from "./board.ts";
import * as dense from "./testing/dense-network.ts";
import { instanceOn, ON_POCL, POCL } from "./testing/pocl.ts";

const network = dense.denseNetwork([16, 64, 32, 32, 5]);

describe.skipIf(!POCL)("jet tagger 16-64-32-32-5 on PoCL", () => {
  const board = POCL ? OpenClBoard.open(ON_POCL) : undefined;
  afterAll(() => board?.close());
  board?.load(board.compile(dense.kernelSource(network), ""));

  for (const rows of [1, 256, 4096]) {
    describe(`${rows} rows`, () => {
      if (board === undefined) return;
      const raw = dense.rawInputs(network, rows);
      const integers = dense.manifestOf(network, {
        ...{ x: { datatype: "INT16" }, y: { datatype: "INT16" } },
      });
      const plain = instanceOn(board, integers, rows);
      const converting = instanceOn(board, dense.manifestOf(network), rows);
      const bare = bareLoop(board, raw, rows);
      afterAll(async () => {
        await plain.unload();
        await converting.unload();
      });
      const input = (
        datatype: "FP32" | "INT16",
        { buffer }: Float32Array | Int16Array,
      ): Tensor => ({
        ...{ name: "x", datatype, shape: [rows, network.features] },
        data: new Uint8Array(buffer as ArrayBuffer),
      });
      const room = new Uint8Array(4 * rows * network.classes);
      const execution = (x: Tensor) => ({
        ...{ inputs: [x], outputs: ["y"], members: [{ rows }] },
        reserve: (byteLength: number) => room.subarray(0, byteLength),
      });
      const ofIntegers = execution(input("INT16", raw));
      const ofFloats = execution(
        input(
          "FP32",
          Float32Array.from(raw, (value) => value / 1024),
        ),
      );

      bench("bare loop", bare);
      bench("host, raw integers", async () => {
        await plain.execute(ofIntegers);
      });
      bench("host, floats", async () => {
        await converting.execute(ofFloats);
      });
    });
  }
});

/** Write, run, read, and nothing else. */
function bareLoop(board: OpenClBoard, raw: Int16Array, rows: number): () => void {
  const { cl } = board;
  const queue = board.createQueue();
  const kernel = board.createKernel("dense");
  const x = board.createBuffer("input", raw.byteLength, undefined);
  const results = new Int16Array(rows * network.classes);
  const y = board.createBuffer("output", results.byteLength, undefined);
  const values = [BigUint64Array.of(x), BigUint64Array.of(y), Uint32Array.of(rows)];
  for (const [index, value] of values.entries()) {
    cl.clSetKernelArg(kernel, index, value.byteLength, value);
  }
  return () => {
    cl.clEnqueueWriteBuffer(queue, x, 0, 0, raw.byteLength, raw, 0, null, null);
    cl.clEnqueueTask(queue, kernel, 0, null, null);
    cl.clEnqueueReadBuffer(queue, y, 1, 0, results.byteLength, results, 0, null, null);
  };
}

/**
 * The control of the OpenCL bench: one kernel on PoCL in a bare loop, write, run, read and nothing
 * else, in one thread. Arguments: rows a call, seconds to warm up, seconds to measure.
 */

import { rmSync } from "node:fs";
import { argv } from "node:process";
import { OpenClBoard } from "../../../backends/common/opencl/board.ts";
import { kernelSource, rawInputs } from "../../../backends/common/opencl/testing/dense-network.ts";
import { ON_POCL, privatePocl } from "../../../backends/common/opencl/testing/pocl.ts";
import { BENCH_NETWORK } from "../board-models.ts";
import { print } from "./print.ts";

const [rows = 0, warmupS = 0, measureS = 0] = argv.slice(2).map(Number);
const folder = privatePocl();
const board = OpenClBoard.open(ON_POCL);
board.load(board.compile(kernelSource(BENCH_NETWORK), ""));
const { cl } = board;
const queue = board.createQueue();
const kernel = board.createKernel("dense");
const raw = rawInputs(BENCH_NETWORK, rows);
const results = new Int16Array(rows * BENCH_NETWORK.classes);
const x = board.createBuffer("input", raw.byteLength, undefined);
const y = board.createBuffer("output", results.byteLength, undefined);
const values = [BigUint64Array.of(x), BigUint64Array.of(y), Uint32Array.of(rows)];
for (const [index, value] of values.entries()) {
  cl.clSetKernelArg(kernel, index, value.byteLength, value);
}

function loop(seconds: number): number {
  const begin = performance.now();
  let calls = 0;
  for (; performance.now() - begin < seconds * 1000; calls++) {
    cl.clEnqueueWriteBuffer(queue, x, 0, 0, raw.byteLength, raw, 0, null, null);
    cl.clEnqueueTask(queue, kernel, 0, null, null);
    cl.clEnqueueReadBuffer(queue, y, 1, 0, results.byteLength, results, 0, null, null);
  }
  return (calls * rows * 1000) / (performance.now() - begin);
}

loop(warmupS);
print({ rowsPerSecond: loop(measureS) });
board.close();
rmSync(folder, { recursive: true, force: true });

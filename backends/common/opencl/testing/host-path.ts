/**
 * What the host adds to a kernel: the same kernel and buffers in a bare loop, and through
 * `OpenClInstance` with raw integers and with floats that are quantised and restored.
 * Prints best times of interleaved rounds, and the CPU time of all threads, which hardly
 * depends on what else the machine does. 1.00 is the bare loop.
 *
 *   npm run -s build && node dist/backends/common/opencl/testing/host-path.js [rows...]
 */
import { rmSync } from "node:fs";
import type { Tensor } from "../../../contract.ts";
import { OpenClBoard } from "../board.ts";
import * as dense from "./dense-network.ts";
import { instanceOn, ON_POCL, privatePocl } from "./pocl.ts";

const ROUNDS = 21;
const network = dense.denseNetwork([16, 64, 32, 32, 5]);

interface Cost {
  wallUs: number;
  cpuUs: number;
}

async function main(): Promise<void> {
  const folder = privatePocl();
  const board = OpenClBoard.open(ON_POCL);
  board.load(board.compile(dense.kernelSource(network), ""));
  const wanted = process.argv.slice(2).map(Number);
  for (const rows of wanted.length > 0 ? wanted : [1, 256, 4096]) await compare(board, rows);
  board.close();
  rmSync(folder, { recursive: true, force: true });
}

async function compare(board: OpenClBoard, rows: number): Promise<void> {
  const raw = dense.rawInputs(network, rows);
  const integers = { x: { datatype: "INT16" }, y: { datatype: "INT16" } } as const;
  const plain = instanceOn(board, dense.manifestOf(network, integers), rows);
  const converting = instanceOn(board, dense.manifestOf(network), rows);
  const room = new Uint8Array(4 * rows * network.classes);
  const execution = (datatype: "FP32" | "INT16", { buffer }: Float32Array | Int16Array) => {
    const data = new Uint8Array(buffer as ArrayBuffer);
    const x: Tensor = { name: "x", datatype, shape: [rows, network.features], data };
    const reserve = (byteLength: number) => room.subarray(0, byteLength);
    return { inputs: [x], outputs: ["y"], members: [{ rows }], reserve };
  };
  const ofIntegers = execution("INT16", raw);
  const ofFloats = execution(
    "FP32",
    Float32Array.from(raw, (value) => value / 1024),
  );
  const costs = await measure(Math.max(5, Math.round(40_000 / rows / 2)), {
    "bare loop": bareLoop(board, raw, rows),
    "host, raw integers": () => plain.execute(ofIntegers),
    "host, floats": () => converting.execute(ofFloats),
  });
  await plain.unload();
  await converting.unload();
  const bare = costs["bare loop"] ?? { wallUs: Number.NaN, cpuUs: Number.NaN };
  for (const [name, { wallUs, cpuUs }] of Object.entries(costs)) {
    const wall = `${wallUs.toFixed(0)} us (${(bare.wallUs / wallUs).toFixed(2)})`;
    const cpu = `CPU ${cpuUs.toFixed(0)} us (${(bare.cpuUs / cpuUs).toFixed(2)})`;
    process.stdout.write(`${rows} rows, ${name}: ${wall}, ${cpu}\n`);
  }
}

/** The least of the rounds, which take turns. */
async function measure(calls: number, ways: Readonly<Record<string, () => unknown>>) {
  const costs: Record<string, Cost> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(ways)) {
      const cpu = process.cpuUsage();
      const began = performance.now();
      for (let i = 0; i < calls; i++) await call();
      const wallUs = (1000 * (performance.now() - began)) / calls;
      const { user, system } = process.cpuUsage(cpu);
      const cost = costs[name] ?? { wallUs: Infinity, cpuUs: Infinity };
      cost.wallUs = Math.min(cost.wallUs, wallUs);
      cost.cpuUs = Math.min(cost.cpuUs, (user + system) / calls);
      costs[name] = cost;
    }
  }
  return costs;
}

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

await main();

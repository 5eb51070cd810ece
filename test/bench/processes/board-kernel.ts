/**
 * The control of the emulated U50's bench: the network's kernel alone, on rows that lie in the board's
 * memory already. Arguments: file with the network, rows a call, bytes from one row to the next, seconds
 * to warm up, seconds to measure.
 */
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { parseNetwork } from "../../../backends/common/fixed-point/network.ts";
import { compileNetwork } from "../../../backends/xilinx-u50/board/compile-network.ts";
import { print } from "./print.ts";

const [, , file = "", ...numbers] = argv;
const [rows = 0, rowBytes = 0, warmupS = 0, measureS = 0] = numbers.map(Number);
const network = parseNetwork(readFileSync(file, "utf8"));
const { run } = compileNetwork(network, { input: { storageBits: 16, rowBytes } });
const memory = new Int16Array((rows * rowBytes) / 2).map((_, i) => (i * 2_654_435_761) >> 22);
const inputs = [new Uint8Array(memory.buffer)];
const outputs = [new Uint8Array(2 * rows)];

function loop(seconds: number): number {
  const begin = performance.now();
  let calls = 0;
  for (; performance.now() - begin < seconds * 1000; calls++) run(rows, inputs, outputs);
  return (calls * rows * 1000) / (performance.now() - begin);
}

loop(warmupS);
print({ rowsPerSecond: loop(measureS) });

/**
 * The control of the large-request bench: onnxruntime-node alone, one session
 * with one thread (as an instance of the gateway has), the same batch again and
 * again. Arguments: model file, rows, seconds to warm up, seconds to measure.
 */
import { argv, cpuUsage } from "node:process";
import ort from "onnxruntime-node";
import { randomFloats } from "../random-floats.ts";
import { print } from "./print.ts";

const [, , file = "", rows = "", warmupS = "", measureS = ""] = argv;
const session = await ort.InferenceSession.create(file, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const [input] = session.inputMetadata;
if (!input?.isTensor) throw new Error(`${file}: its first input is not a tensor`);
const shape = [Number(rows), ...input.shape.slice(1).map(Number)];
const values = randomFloats(shape.reduce((product, length) => product * length, 1));
const feeds = { [input.name]: new ort.Tensor("float32", values, shape) };

async function loop(seconds: number): Promise<{ batches: number; seconds: number }> {
  const begin = performance.now();
  let batches = 0;
  for (; performance.now() - begin < seconds * 1000; batches++) await session.run(feeds);
  return { batches, seconds: (performance.now() - begin) / 1000 };
}

await loop(Number(warmupS));
const cpuBefore = cpuUsage();
const measured = await loop(Number(measureS));
const cpu = cpuUsage(cpuBefore);
print({
  rowsPerSecond: (measured.batches * Number(rows)) / measured.seconds,
  cpuSecondsPerBatch: (cpu.user + cpu.system) / 1e6 / measured.batches,
});

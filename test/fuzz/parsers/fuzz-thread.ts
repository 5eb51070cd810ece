/** A thread that fuzzes one family: a parser that never comes back stops nobody but this thread. */
import { parentPort, workerData } from "node:worker_threads";
import { type FuzzOrder, fuzzFamily } from "./fuzz-family.ts";

export interface ThreadData extends FuzzOrder {
  /** One number: the seed of the case under way. */
  readonly progress: SharedArrayBuffer;
}

const { progress, ...order } = workerData as ThreadData;
const current = new Float64Array(progress);
const { outcomes, findings, found } = await fuzzFamily(order, (seed) => {
  current[0] = seed;
});
parentPort?.postMessage({ outcomes, findings, found });

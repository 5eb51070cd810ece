/** Families side by side, a thread each, watched: one that hangs or dies is a finding with its seed. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Tally } from "../tally.ts";
import type { FuzzOrder } from "./fuzz-family.ts";
import type { ThreadData } from "./fuzz-thread.ts";

const LOOK_EVERY_MS = 1_000;
/** A case that this process has worked on for so long will not end. Of CPU time: on a busy machine a second may hold none. */
const GIVEN_UP_CPU_MS = 40_000;
const PROGRAM = new URL("./fuzz-thread.js", import.meta.url);

export interface FamilyRun {
  readonly family: string;
  readonly tally: Tally;
  readonly seconds: number;
}

/** @param done is told each family as it ends */
export async function fuzzInThreads(
  orders: readonly FuzzOrder[],
  done: (run: FamilyRun) => Promise<void>,
): Promise<void> {
  const waiting = [...orders];
  const next = async (): Promise<void> => {
    for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
      const begin = performance.now();
      const tally = await inThread(order);
      await done({ family: order.family, tally, seconds: (performance.now() - begin) / 1000 });
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, next));
}

function inThread(order: FuzzOrder): Promise<Tally> {
  const progress = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  const current = new Float64Array(progress);
  const data: ThreadData = { ...order, progress };
  const thread = new Worker(PROGRAM, { workerData: data });
  const tally = new Tally();
  return new Promise((resolve) => {
    let begunMs = cpuMs();
    let seen = -1;
    const watch = setInterval(() => {
      const seed = current[0] ?? 0;
      if (seed !== seen) {
        seen = seed;
        begunMs = cpuMs();
      }
      if (cpuMs() - begunMs < GIVEN_UP_CPU_MS) return;
      tally.find(`seed ${seed}: it does not end`, Buffer.alloc(0));
      void thread.terminate();
    }, LOOK_EVERY_MS);
    thread.on("message", (told: Pick<Tally, "outcomes" | "findings" | "found">) => {
      for (const [outcome, count] of told.outcomes) tally.outcomes.set(outcome, count);
      tally.findings.push(...told.findings);
      tally.found += told.found;
    });
    thread.on("error", (error) =>
      tally.find(`seed ${current[0]}: ${error.stack}`, Buffer.alloc(0)),
    );
    thread.on("exit", () => {
      clearInterval(watch);
      resolve(tally);
    });
  });
}

/** Of all threads of this process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Load from several generator processes at once, and how the cores of the machine were used meanwhile. */
import { availableParallelism } from "node:os";
import { type MachineTimes, machineTimes } from "../support/process-usage.ts";
import type { Served } from "./child.ts";
import { type CpuMark, cpuMark, type Load, runLoadClient, type Slice, speaking } from "./load.ts";
import { mergeErrors } from "./result.ts";

/** Parts of the time of all cores. */
export interface CoresUsed {
  /** Generators, gateway, edges and workers. */
  readonly ours: number;
  readonly idle: number;
  /** Other processes, and the kernel where it worked for nobody in particular. */
  readonly others: number;
  /** By the hypervisor. */
  readonly stolen: number;
}

export interface GeneratorsSlice extends Slice {
  readonly cpu: Required<Slice["cpu"]>;
  readonly cores: CoresUsed;
}

interface Mark {
  readonly at: number;
  readonly cpu: CpuMark;
  readonly machine: MachineTimes;
}

/**
 * Parts `load` evenly between `count` processes. What is measured is the time in which all of them measure.
 * @throws Error where there was no such time
 */
export async function generators(
  count: number,
  server: Served,
  load: Load,
): Promise<GeneratorsSlice> {
  let measuring = 0;
  let before: Mark | undefined;
  let after: Mark | undefined;
  const flags = {
    ...speaking(load),
    concurrency: Math.ceil(load.concurrency / count),
    connections: Math.ceil(load.connections / count),
    "warmup-s": load.warmupS,
    "duration-s": load.seconds,
  };
  const reports = await Promise.all(
    Array.from({ length: count }, () =>
      runLoadClient(server, load.body, flags, ({ event }) => {
        if (event === "measuring" && ++measuring === count) before = mark(server);
        if (event === "report") after ??= mark(server);
      }),
    ),
  );
  if (before === undefined || after === undefined || after.at <= before.at) {
    throw new Error("the generators did not measure at the same time: longer slices are needed");
  }
  const seconds = after.at - before.at;
  const requestsPerSecond = sum(reports, (report) => report.requestsPerSecond);
  const thousands = (requestsPerSecond * seconds) / 1_000;
  const serverS = after.cpu.server - before.cpu.server;
  const workersS = after.cpu.workers - before.cpu.workers;
  // Their windows are a little longer than the common one.
  const clientS =
    seconds * sum(reports, ({ clientCpuSeconds, windowMs }) => (1e3 * clientCpuSeconds) / windowMs);
  const all = seconds * availableParallelism();
  const ours = serverS + workersS + clientS;
  const busy = after.machine.busy - before.machine.busy;
  return {
    requestsPerSecond,
    failed: sum(reports, ({ failed }) => failed),
    errors: mergeErrors(reports.map(({ errors }) => errors)),
    cpu: {
      server: serverS / thousands,
      workers: workersS / thousands,
      client: clientS / thousands,
    },
    cores: {
      ours: ours / all,
      idle: (after.machine.idle - before.machine.idle) / all,
      others: Math.max(0, busy - ours) / all,
      stolen: (after.machine.stolen - before.machine.stolen) / all,
    },
  };
}

function mark(server: Served): Mark {
  return { at: performance.now() / 1_000, cpu: cpuMark(server), machine: machineTimes() };
}

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0);
}

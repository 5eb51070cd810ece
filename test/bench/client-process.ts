/** A slice of load from one of the bench's own client processes, as `rawHttp2Client` gives it. */
import { runNode, type Served } from "./child.ts";
import { cpuMark, type Slice } from "./load.ts";

interface Line {
  readonly event: "measuring" | "report";
  readonly answered: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly clientCpuSeconds: number;
}

/** @param builtFile prints `measuring`, then `report` */
export async function clientProcess(
  server: Served,
  builtFile: string,
  args: readonly string[],
): Promise<Slice> {
  let before = cpuMark(server);
  const report = await runNode<Line>(builtFile, args, ({ event }) => {
    if (event === "measuring") before = cpuMark(server);
  });
  const after = cpuMark(server);
  const thousands = report.answered / 1000;
  return {
    requestsPerSecond: report.requestsPerSecond,
    ...(report.p50Ms === undefined ? {} : { p50Ms: report.p50Ms }),
    ...(report.p99Ms === undefined ? {} : { p99Ms: report.p99Ms }),
    failed: report.failed,
    errors: report.failed > 0 ? { "answers that were errors": report.failed } : {},
    cpu: {
      server: (after.server - before.server) / thousands,
      workers: (after.workers - before.workers) / thousands,
      client: report.clientCpuSeconds / thousands,
    },
  };
}

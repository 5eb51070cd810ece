/** One slice of load on one server, from a process of its own, with what it cost. */
import { join } from "node:path";
import type { LoadReport } from "../../loadtest/drivers/raw-http2/run-load.ts";
import { cpuSeconds } from "../support/process-usage.ts";
import { runNode, type Served } from "./child.ts";

/** What the load client prints. */
export type LoadLine =
  | { readonly event: "measuring" }
  | { readonly event: "progress"; readonly answered: number }
  | LoadClientReport;

type LoadClientReport = LoadReport & {
  readonly event: "report";
  readonly clientCpuSeconds: number;
};

const LOAD_CLIENT = join("loadtest", "drivers", "raw-http2", "main.js");

/** Runs the load client with these flags to its end. */
export async function runLoadClient(
  server: Served,
  body: string,
  flags: Readonly<Record<string, number | string>>,
  onLine: (line: LoadLine) => void = () => undefined,
): Promise<LoadClientReport> {
  const last = await runNode<LoadLine>(
    LOAD_CLIENT,
    [
      ...["--target", `127.0.0.1:${server.port}`, "--body", body],
      ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
    ],
    onLine,
  );
  if (last.event !== "report") throw new Error("the load client ended without a report");
  return last;
}

export interface Load {
  /** File with the encoded message. */
  readonly body: string;
  /** PEM file of the authority of a server that speaks TLS. */
  readonly tlsCa?: string;
  readonly concurrency: number;
  readonly connections: number;
  readonly warmupS: number;
  readonly seconds: number;
}

export interface Slice {
  readonly requestsPerSecond: number;
  /** undefined where the client does not tell (h2load). */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  /** CPU seconds per 1 000 answers. */
  readonly cpu: {
    readonly server: number;
    readonly workers: number;
    readonly client?: number;
  };
}

export type LoadClient = (server: Served, load: Load) => Promise<Slice>;

/** Flags of the load client that say how the server is spoken with. */
export function speaking({ tlsCa }: Load): Readonly<Record<string, string>> {
  return tlsCa === undefined ? {} : { "tls-ca": tlsCa };
}

export interface CpuMark {
  readonly server: number;
  readonly workers: number;
}

export function cpuMark(server: Served): CpuMark {
  return {
    server: cpuSeconds(server.pid),
    workers: server.workers().reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  };
}

export const rawHttp2Client: LoadClient = async (server, load) => {
  let before = cpuMark(server);
  let after = before;
  const report = await runLoadClient(
    server,
    load.body,
    {
      ...speaking(load),
      concurrency: load.concurrency,
      connections: load.connections,
      "warmup-s": load.warmupS,
      "duration-s": load.seconds,
    },
    ({ event }) => {
      if (event === "measuring") before = cpuMark(server);
      if (event === "report") after = cpuMark(server);
    },
  );
  const thousands = report.answered / 1000;
  return {
    requestsPerSecond: report.requestsPerSecond,
    p50Ms: report.latencyMs.p50,
    p99Ms: report.latencyMs.p99,
    failed: report.failed,
    errors: report.errors,
    cpu: {
      server: (after.server - before.server) / thousands,
      workers: (after.workers - before.workers) / thousands,
      client: report.clientCpuSeconds / thousands,
    },
  };
};

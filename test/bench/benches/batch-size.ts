/** Rows per execution that 64 one-row clients are joined to, by the gateway's own counters. */
import { scrape, sum } from "../../support/metrics.ts";
import { rawHttp2Client } from "../load.ts";
import type { BenchResult } from "../result.ts";
import { type Setting, served } from "../setting.ts";

export async function batchSize(setting: Setting): Promise<BenchResult> {
  const gateway = await setting.gateway();
  const counters = async () => {
    const samples = await scrape(gateway.metricsPort);
    const of = (name: string) => sum(samples, name, { model: setting.model.name }) ?? 0;
    return { rows: of("nv_inference_count"), executions: of("nv_inference_exec_count") };
  };
  const before = await counters();
  const slice = await rawHttp2Client(served(gateway), {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 64,
    warmupS: 0,
    seconds: setting.pace.sliceS * 2,
  });
  const after = await counters();
  const rows = after.rows - before.rows;
  const executions = after.executions - before.executions;
  return {
    name: "batch-size",
    measures: "rows per execution with 64 one-row clients",
    value: rows / executions,
    goal: { kind: "at least", value: 8 },
    figures: { rows, executions, "requests/s": slice.requestsPerSecond },
    errors: slice.errors,
  };
}

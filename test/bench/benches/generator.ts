/** One generator process of the load test against h2load on the same null server, in the same rounds. */
import { startNullProcess } from "../../../loadtest/drivers/null-server/null-process.ts";
import { ceilingAgainst } from "../../../loadtest/runner/ceiling.ts";
import { h2loadClient, h2loadInstalled } from "../h2load.ts";
import { nullOrder } from "../null-request.ts";
import { type BenchResult, BenchSkipped, mergeErrors } from "../result.ts";
import { interleaved, median, ratiosOf } from "../rounds.ts";
import type { Setting } from "../setting.ts";

export async function generator(setting: Setting): Promise<BenchResult> {
  if (!h2loadInstalled()) throw new BenchSkipped("h2load is not installed (nghttp2-client)");
  const { pace } = setting;
  const body = setting.requestFile(1);
  const server = await startNullProcess();
  const served = { port: server.port, pid: server.pid, workers: () => [] };
  const load = {
    ...{ body, concurrency: 64, connections: 4 },
    ...{ warmupS: pace.warmupS, seconds: pace.sliceS },
  };
  try {
    const rounds = await interleaved(
      pace.rounds,
      () => ceilingAgainst(nullOrder("grpc"), server.port, 1000 * pace.sliceS),
      () => h2loadClient(served, load),
    );
    const { ratio, noise } = ratiosOf(
      rounds.map(({ subject: [first, second], control }) => ({
        subject: [first.perSecond, second.perSecond],
        control: control.requestsPerSecond,
      })),
    );
    const slices = rounds.flatMap(({ subject }) => subject);
    return {
      name: "generator",
      measures: "1-row calls/s of one generator process ÷ h2load's, same null server",
      ...{ value: ratio.median, spread: ratio, noise },
      goal: { kind: "at least", value: 0.6 },
      figures: {
        "calls/s": median(slices.map(({ perSecond }) => perSecond)),
        "calls per CPU second": median(slices.map(({ perCpuSecond }) => perCpuSecond)),
        "h2load calls/s": median(rounds.map(({ control }) => control.requestsPerSecond)),
      },
      errors: mergeErrors(rounds.map(({ control }) => control.errors)),
    };
  } finally {
    await server.stop();
  }
}

export async function generatorStream(setting: Setting): Promise<BenchResult> {
  const { pace } = setting;
  const server = await startNullProcess();
  try {
    const slices: number[] = [];
    for (let round = 0; round < pace.rounds; round++) {
      const found = await ceilingAgainst(nullOrder("grpc-stream"), server.port, 1000 * pace.sliceS);
      slices.push(found.perSecond);
    }
    return {
      name: "generator-stream",
      measures: "1-row messages/s of one generator process on streams, null server",
      value: median(slices),
      spread: { median: median(slices), min: Math.min(...slices), max: Math.max(...slices) },
      goal: { kind: "at least", value: 150_000 },
      ...{ figures: {}, errors: {} },
    };
  } finally {
    await server.stop();
  }
}

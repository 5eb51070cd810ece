/** One-row messages on ModelStreamInfer against the same messages as calls of their own, same gateway. */
import { clientProcess } from "../client-process.ts";
import { rawHttp2Client } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const CLIENT = "test/bench/processes/stream-client.js";
const IN_FLIGHT = 1024;

export async function streamThroughput(setting: Setting): Promise<BenchResult> {
  const { pace } = setting;
  const gateway = await setting.gateway();
  const load = {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 4,
    warmupS: pace.warmupS,
    seconds: pace.sliceS,
  };
  const args = [gateway.grpcPort, load.body, load.connections, IN_FLIGHT].map(String);
  const times = [load.warmupS, load.seconds].map(String);
  return ratioBench({
    name: "stream",
    measures: "1-row messages/s on ModelStreamInfer ÷ ModelInfer calls/s of the same gateway",
    goal: { kind: "at least", value: 5 },
    rounds: pace.rounds,
    subject: served(gateway),
    load,
    client: (server) => clientProcess(server, CLIENT, [...args, ...times]),
    control: () => rawHttp2Client(served(gateway), load),
    subjectValue: (slice) => slice.requestsPerSecond,
    controlValue: (slice) => slice.requestsPerSecond,
    controlErrors: (slice) => slice.errors,
    figures: (slices, controls) => ({
      "messages/s": median(slices.map((slice) => slice.requestsPerSecond)),
      "calls/s": median(controls.map((slice) => slice.requestsPerSecond)),
      "client CPU s per 1000": median(slices.map(({ cpu }) => cpu.client ?? Number.NaN)),
      "gateway CPU of a call ÷ of a message":
        median(controls.map(({ cpu }) => cpu.server)) / median(slices.map(({ cpu }) => cpu.server)),
    }),
  });
}

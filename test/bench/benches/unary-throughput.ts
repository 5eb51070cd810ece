/** One-row requests through the whole path against grpc-js' server that merely echoes the same bytes. */
import { startControl } from "../child.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

export async function unaryThroughput(setting: Setting): Promise<BenchResult> {
  const { pace, client } = setting;
  const gateway = await setting.gateway();
  const echo = await startControl("test/bench/processes/grpc-js-echo.js");
  const load = {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 4,
    warmupS: pace.warmupS,
    seconds: pace.sliceS,
  };
  try {
    return await ratioBench({
      name: "unary",
      measures: "1-row requests/s ÷ grpc-js echo, 64 in flight",
      goal: { kind: "at least", value: 1.2 },
      rounds: pace.rounds,
      subject: served(gateway),
      client,
      load,
      control: () => client(echo, load),
      controlServer: echo,
      subjectValue: (slice) => slice.requestsPerSecond,
      controlValue: (slice) => slice.requestsPerSecond,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "gateway requests/s": median(slices.map((slice) => slice.requestsPerSecond)),
        "grpc-js echo requests/s": median(controls.map((slice) => slice.requestsPerSecond)),
        "grpc-js echo CPU s per 1000": median(controls.map(({ cpu }) => cpu.server)),
        "grpc-js echo CPU ÷ gateway CPU, workers left out":
          median(controls.map(({ cpu }) => cpu.server)) /
          median(slices.map(({ cpu }) => cpu.server)),
      }),
    });
  } finally {
    await echo.stop();
  }
}

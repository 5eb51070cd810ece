/** What one client with one request in flight waits, against grpc-js' echo. Always our own client: h2load tells no median. */
import { startControl } from "../child.ts";
import { rawHttp2Client } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

export async function latency(setting: Setting): Promise<BenchResult> {
  const { pace } = setting;
  const gateway = await setting.gateway();
  const echo = await startControl("test/bench/processes/grpc-js-echo.js");
  const load = {
    body: setting.requestFile(1),
    concurrency: 1,
    connections: 1,
    warmupS: pace.warmupS,
    seconds: pace.sliceS / 2,
  };
  try {
    return await ratioBench({
      name: "latency",
      measures: "p50 of 1-row requests ÷ grpc-js echo, 1 in flight",
      goal: { kind: "at most", value: 2.2 },
      rounds: pace.rounds,
      subject: served(gateway),
      client: rawHttp2Client,
      load,
      control: () => rawHttp2Client(echo, load),
      controlServer: echo,
      subjectValue: (slice) => slice.p50Ms ?? Number.NaN,
      controlValue: (slice) => slice.p50Ms ?? Number.NaN,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "gateway p50 ms": median(slices.map((slice) => slice.p50Ms ?? Number.NaN)),
        "gateway p99 ms": median(slices.map((slice) => slice.p99Ms ?? Number.NaN)),
        "grpc-js echo p50 ms": median(controls.map((slice) => slice.p50Ms ?? Number.NaN)),
        "grpc-js echo p99 ms": median(controls.map((slice) => slice.p99Ms ?? Number.NaN)),
      }),
    });
  } finally {
    await echo.stop();
  }
}

/** What the load client costs, against a server that does the least node:http2 lets it do. No goal: a check of the ruler. */
import { startControl } from "../child.ts";
import { rawHttp2Client } from "../load.ts";
import { type BenchResult, mergeErrors } from "../result.ts";
import { interleaved, median, spread } from "../rounds.ts";
import type { Setting } from "../setting.ts";

export async function clientCeiling(setting: Setting): Promise<BenchResult> {
  const { pace } = setting;
  const server = await startControl("test/bench/processes/null-server.js");
  const load = {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 4,
    warmupS: pace.warmupS,
    seconds: pace.sliceS / 2,
  };
  try {
    const measure = () => rawHttp2Client(server, load);
    await measure();
    const rounds = await interleaved(Math.ceil(pace.rounds / 2), measure, async () => undefined);
    const slices = rounds.flatMap(({ subject }) => subject);
    const perClientSecond = slices.map(({ cpu }) => 1000 / (cpu.client ?? Number.NaN));
    return {
      name: "client",
      measures: "requests per CPU second of the load client itself (null server)",
      value: median(perClientSecond),
      spread: spread(perClientSecond),
      noise: spread(rounds.map(({ subject: [a, b] }) => b.requestsPerSecond / a.requestsPerSecond)),
      figures: {
        "null server requests/s": median(slices.map((slice) => slice.requestsPerSecond)),
        "null server CPU s per 1000": median(slices.map(({ cpu }) => cpu.server)),
        "client CPU s per 1000": median(slices.map(({ cpu }) => cpu.client ?? Number.NaN)),
      },
      errors: mergeErrors(slices.map(({ errors }) => errors)),
    };
  } finally {
    await server.stop();
  }
}

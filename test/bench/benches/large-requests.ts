/** Requests of 256 rows (16 kB for the jet tagger) against onnxruntime-node alone in a loop. */
import { runNode } from "../child.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const ROWS = 256;

export async function largeRequests(setting: Setting): Promise<BenchResult> {
  const { pace, client, model } = setting;
  const gateway = await setting.gateway();
  const { warmupS, sliceS } = pace;
  return ratioBench({
    name: "large",
    measures: `rows/s with ${ROWS}-row requests ÷ onnxruntime-node alone at batch ${ROWS}`,
    goal: { kind: "at least", value: 0.5 },
    rounds: pace.rounds,
    subject: served(gateway),
    client,
    load: {
      body: setting.requestFile(ROWS),
      concurrency: 32,
      connections: 4,
      warmupS,
      seconds: sliceS,
    },
    control: async () => {
      const args = [model.file, ROWS, warmupS, sliceS].map(String);
      const loop = await runNode<{ rowsPerSecond: number }>(
        "test/bench/processes/onnx-loop.js",
        args,
      );
      return loop.rowsPerSecond;
    },
    subjectValue: (slice) => slice.requestsPerSecond * ROWS,
    controlValue: (rowsPerSecond) => rowsPerSecond,
    figures: (slices, controls) => ({
      "gateway rows/s": median(slices.map((slice) => slice.requestsPerSecond * ROWS)),
      "onnxruntime-node rows/s": median(controls),
    }),
  });
}

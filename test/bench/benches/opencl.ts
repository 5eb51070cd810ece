/** A kernel on PoCL, through gateway and worker, against the same kernel called in a bare loop. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rawInputs } from "../../../backends/common/opencl/testing/dense-network.ts";
import { POCL } from "../../../backends/common/opencl/testing/pocl.ts";
import { startGateway } from "../../support/gateway.ts";
import { BENCH_NETWORK, denseRepository } from "../board-models.ts";
import { runNode } from "../child.ts";
import { inferMessage } from "../infer-message.ts";
import { ratioBench } from "../ratio-bench.ts";
import { type BenchResult, BenchSkipped } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const ROWS = 4096;

export async function openClPath({ pace, client, folder }: Setting): Promise<BenchResult> {
  if (!POCL) throw new BenchSkipped("PoCL is not installed (Debian: pocl-opencl-icd)");
  const place = join(folder, "opencl");
  mkdirSync(place);
  const repository = denseRepository(join(place, "models"), ROWS);
  const config = join(place, "gateway.yaml");
  const options = { emulated: { boards: 1 }, cacheFolder: join(place, "cache") };
  writeFileSync(config, JSON.stringify({ backends: [{ kind: "intel-fpga", options }] }));
  const values = rawInputs(BENCH_NETWORK, ROWS);
  const body = join(place, "request.bin");
  writeFileSync(body, inferMessage("dense", "x", [ROWS, BENCH_NETWORK.features], values, "INT16"));
  const gateway = await startGateway({ repository, flags: ["--config", config] });
  const { warmupS, sliceS, rounds } = pace;
  try {
    return await ratioBench({
      name: "opencl",
      measures: `rows/s on PoCL with ${ROWS}-row requests ÷ the same kernel in a bare loop`,
      goal: { kind: "at least", value: 0.7 },
      rounds,
      subject: served(gateway),
      client,
      load: { body, concurrency: 8, connections: 2, warmupS, seconds: sliceS },
      warmUpRequests: 500,
      control: async () => {
        const args = [ROWS, warmupS, sliceS].map(String);
        const program = "test/bench/processes/opencl-loop.js";
        return (await runNode<{ rowsPerSecond: number }>(program, args)).rowsPerSecond;
      },
      subjectValue: (slice) => slice.requestsPerSecond * ROWS,
      controlValue: (rowsPerSecond) => rowsPerSecond,
      figures: (slices, controls) => ({
        "gateway rows/s": median(slices.map((slice) => slice.requestsPerSecond * ROWS)),
        "bare loop rows/s": median(controls),
      }),
    });
  } finally {
    await gateway.stop();
  }
}

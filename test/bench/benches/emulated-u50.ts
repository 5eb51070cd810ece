/**
 * FACILE on an emulated U50, through gateway, worker, XRT and board, against its kernel alone. The clients
 * are on the board's host and pass their rows in shared memory; the same by value is among the figures.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingXrt } from "../../../backends/xilinx-u50/testing/boards.ts";
import {
  FEATURES,
  facileFiles,
  ROWS_PER_CALL,
} from "../../../backends/xilinx-u50/testing/facile.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { startGateway } from "../../support/gateway.ts";
import { facileRepository } from "../board-models.ts";
import { runNode } from "../child.ts";
import { inferMessage } from "../infer-message.ts";
import { ratioBench } from "../ratio-bench.ts";
import { type BenchResult, BenchSkipped } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";
import { inferQuestion, inRegion, SharedRegion } from "../shared-region.ts";

/** A row in the board's memory is one 512-bit word. */
const ROW_BYTES = 64;

export async function emulatedU50({ pace, client, folder }: Setting): Promise<BenchResult> {
  const files = facileFiles(packageRoot);
  if (files === undefined) throw new BenchSkipped("../shared/data/fixed_point is not there");
  const missing = missingXrt();
  if (missing !== undefined) throw new BenchSkipped(missing);
  const place = join(folder, "u50");
  mkdirSync(place);
  const repository = facileRepository(join(place, "models"), files.model, 4 * ROWS_PER_CALL);
  const config = join(place, "gateway.yaml");
  const backends = [{ kind: "xilinx-u50", options: { emulated: { boards: 1 } } }];
  writeFileSync(config, JSON.stringify({ backends }));
  const values = new Int16Array(ROWS_PER_CALL * FEATURES).map((_, i) => (i * 2_654_435_761) >> 22);
  const shape = [ROWS_PER_CALL, FEATURES];
  const body = join(place, "request.bin");
  const input = { name: "hits", datatype: "INT16", shape, parameters: inRegion(values.byteLength) };
  writeFileSync(body, inferQuestion({ model_name: "facile", inputs: [input] }));
  const byValue = join(place, "by-value.bin");
  writeFileSync(byValue, inferMessage("facile", "hits", shape, values, "INT16"));
  const region = new SharedRegion(new Uint8Array(values.buffer));
  const flags = ["--config", config, "--allow-client-shm=true"];
  const gateway = await startGateway({ repository, flags });
  const { warmupS, sliceS, rounds } = pace;
  const load = { body, concurrency: 8, connections: 2, warmupS, seconds: sliceS };
  try {
    await region.register(gateway.grpcPort);
    const result = await ratioBench({
      name: "u50",
      measures: `rows/s of FACILE on an emulated U50, ${ROWS_PER_CALL} rows a call ÷ its kernel alone`,
      goal: { kind: "at least", value: 0.6 },
      rounds,
      subject: served(gateway),
      client,
      load,
      warmUpRequests: 200,
      control: async () => {
        const args = [files.model, ROWS_PER_CALL, ROW_BYTES, warmupS, sliceS].map(String);
        const program = "test/bench/processes/board-kernel.js";
        return (await runNode<{ rowsPerSecond: number }>(program, args)).rowsPerSecond;
      },
      subjectValue: (slice) => slice.requestsPerSecond * ROWS_PER_CALL,
      controlValue: (rowsPerSecond) => rowsPerSecond,
      figures: (slices, controls) => ({
        "rows/s of the emulation (no card's speed)": median(
          slices.map(({ requestsPerSecond }) => requestsPerSecond * ROWS_PER_CALL),
        ),
        "rows/s of the kernel alone": median(controls),
      }),
    });
    const plain = await client(served(gateway), { ...load, body: byValue });
    const rowsPerSecond = plain.requestsPerSecond * ROWS_PER_CALL;
    return { ...result, figures: { ...result.figures, "rows/s by value": rowsPerSecond } };
  } finally {
    region.remove();
    await gateway.stop();
  }
}

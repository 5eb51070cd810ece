/** The gate of the registry over many rows: they stream, memory does not grow with them. */
import { runNode } from "../child.ts";
import type { BenchResult } from "../result.ts";
import type { Setting } from "../setting.ts";

const ROWS = 100_000;
const FEW_ROWS = 10_000;

interface GateRun {
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly withReferenceS: number;
  readonly peakMb: number;
}

export async function gate(_setting: Setting): Promise<BenchResult> {
  const program = "test/bench/processes/gate-run.js";
  const few = await runNode<GateRun>(program, [String(FEW_ROWS)]);
  const many = await runNode<GateRun>(program, [String(ROWS)]);
  return {
    name: "gate",
    measures: `peak memory of a process that proves ${ROWS} rows of the jet tagger, MB`,
    value: many.peakMb,
    goal: { kind: "at most", value: 200 },
    figures: {
      "gate rows/s (each row is executed twice)": many.rowsPerSecond,
      "seconds with the reference's own outputs": many.withReferenceS,
      [`peak MB with ${FEW_ROWS} rows`]: few.peakMb,
    },
    errors: {},
  };
}

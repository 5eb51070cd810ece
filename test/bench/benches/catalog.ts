/** The registry with many artifacts: how long a gateway reads it at its start, and how long `ls` takes. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/package-root.ts";
import { startGateway } from "../../support/gateway.ts";
import { runNode } from "../child.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import type { Setting } from "../setting.ts";

const MODELS = 2_500;
const OPENINGS = 3;
const LISTINGS = 5;

interface Opened {
  readonly artifacts: number;
  readonly seconds: number;
}

export async function catalog({ folder }: Setting): Promise<BenchResult> {
  const store = join(folder, "catalog-store");
  const empty = join(folder, "catalog-models");
  mkdirSync(empty);
  const program = "test/bench/processes/catalog-open.js";
  await runNode<Opened>(program, ["fill", store, String(MODELS)]);
  const openings: Opened[] = [];
  for (let turn = 0; turn < OPENINGS; turn += 1) {
    openings.push(await runNode<Opened>(program, ["open", store]));
  }
  const gateway = await startGateway({ repository: empty, flags: ["--registry-folder", store] });
  const seconds: number[] = [];
  let rows = 0;
  try {
    for (let turn = 0; turn < LISTINGS; turn += 1) {
      const cli = join(packageRoot, "src", "cli", "beamgate.mjs");
      const begin = performance.now();
      const { stdout, status } = spawnSync(
        process.execPath,
        [cli, "model", "ls", "--url", `127.0.0.1:${gateway.httpPort}`],
        { encoding: "utf8", maxBuffer: 2 ** 28 },
      );
      if (status !== 0) throw new Error(`model ls ended with ${status}`);
      seconds.push((performance.now() - begin) / 1000);
      rows = stdout.trim().split("\n").length - 2;
    }
  } finally {
    await gateway.stop();
  }
  return {
    name: "catalog",
    measures: `seconds in which a catalog of ${openings[0]?.artifacts} artifacts is read at the start`,
    value: median(openings.map((opened) => opened.seconds)),
    goal: { kind: "at most", value: 2 },
    figures: { "seconds of `model ls` (goal 0.3)": median(seconds), "rows listed": rows },
    errors: {},
  };
}

/** F3: one of three boards takes ten times as long as before; beside it what two boards do without the third. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Cases, expect } from "../../support/cases.ts";
import { eventually } from "../../support/process-tree.ts";
import { Load } from "../load.ts";
import { type BoardRig, rowsQuestion, startBoardRig } from "./board-rig.ts";

const BOARDS = ["test-board-0", "test-board-1", "test-board-2"] as const;
const [SLOW] = BOARDS;
const BATCH_ROWS = 8;
const ROWS = 2;
/** Enough to fill a batch on each and one ahead of it. */
const CLIENTS = 6 * BOARDS.length * (BATCH_ROWS / ROWS);
const LEAST_SHARE = 0.95;

export async function slowBoard(cases: Cases, short: boolean): Promise<void> {
  const rig = await startBoardRig({
    ...{ boards: BOARDS.length, maxBatchSize: BATCH_ROWS, usPerRow: 20_000 },
  });
  const load = new Load({
    ...{ port: rig.gateway.grpcPort, clients: CLIENTS, connections: 4 },
    ask: (client, turn) => rowsQuestion("board", ROWS, client * 10_007 + turn, 1),
  });
  try {
    await cases.run("one of three boards ten times as slow: the other two lose nothing by it", () =>
      compare(rig, load, short ? 2 : 6),
    );
  } finally {
    await load.stop();
    await rig.stop();
  }
}

/** Slow and without it, in turn. */
async function compare(rig: BoardRig, load: Load, rounds: number): Promise<string> {
  for (const board of BOARDS) await serves(rig, board);
  const three = await rate(load);
  const slow: number[] = [];
  const without: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    rig.misbehave({ [SLOW]: "slow" });
    slow.push(await rate(load));
    rig.misbehave({});
    await rig.tell(SLOW, "drain");
    without.push(await rate(load));
    await rig.tell(SLOW, "undrain");
    await serves(rig, SLOW);
  }
  const mean = (rates: readonly number[]) =>
    rates.reduce((sum, each) => sum + each, 0) / rates.length;
  const share = mean(slow) / mean(without);
  const told =
    `${(100 * share).toFixed(0)} % of what two do alone (${mean(slow).toFixed(0)} of ${mean(without).toFixed(0)} ` +
    `requests/s; three: ${three.toFixed(0)}), ${load.troubles.length} errors of ${load.answered}`;
  expect(load.troubles.length === 0, load.describeTroubles());
  expect(mean(without) < 0.85 * three, `the third board did nothing before: ${told}`);
  expect(share >= LEAST_SHARE, told);
  return told;
}

/** Requests a second, after what began before has ended. */
async function rate(load: Load): Promise<number> {
  await sleep(2_000);
  const { answered } = load;
  const began = performance.now();
  await sleep(5_000);
  return (1_000 * (load.answered - answered)) / (performance.now() - began);
}

async function serves(rig: BoardRig, board: string): Promise<void> {
  const { executions = 0 } = await rig.device(board);
  const works = async () => ((await rig.device(board)).executions ?? 0) > executions;
  expect((await eventually(works, 30_000, 50)) !== undefined, `${board} gets no requests`);
}

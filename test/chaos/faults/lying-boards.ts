/** F29: a board whose answers are too short, too long, for another tensor, or none; the other board has the work then. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Cases, expect } from "../../support/cases.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { eventually } from "../../support/process-tree.ts";
import { Load } from "../load.ts";
import { type BoardRig, rowsQuestion, startBoardRig } from "./board-rig.ts";

const BOARD = "test-board-0";
const LIES = ["short", "long", "misnamed", "none"] as const;
const CLIENTS = 32;

export async function lyingBoards(cases: Cases, short: boolean): Promise<void> {
  const rig = await startBoardRig({
    ...{ boards: 2, maxBatchSize: 8, usPerRow: 200 },
    settings: { breaker: { probeAfterMs: 300 } },
  });
  const load = new Load({
    ...{ port: rig.gateway.grpcPort, clients: CLIENTS, connections: 4 },
    ask: (client, turn) => rowsQuestion("board", 1 + (turn % 3), client * 10_007 + turn, 1),
  });
  try {
    for (const lie of LIES) {
      await cases.run(`a board with ${TOLD[lie]}: no wrong answer reaches anybody`, () =>
        through(rig, load, lie, short ? 1_500 : 15_000),
      );
    }
  } finally {
    await load.stop();
    await rig.stop();
  }
}

const TOLD = {
  short: "half the bytes",
  long: "twice the bytes",
  misnamed: "another tensor than was asked for",
  none: "no answer at all in its result",
} as const;

async function through(
  rig: BoardRig,
  load: Load,
  lie: (typeof LIES)[number],
  ms: number,
): Promise<string> {
  const works = async () => {
    const { executions = 0 } = await rig.device(BOARD);
    await sleep(50);
    return ((await rig.device(BOARD)).executions ?? 0) > executions;
  };
  expect((await eventually(works, 30_000)) !== undefined, "the board gets no requests");
  const before = { answered: load.answered, troubles: load.troubles.length };
  rig.misbehave({ [BOARD]: lie });
  const opened = await eventually(
    async () => (await rig.device(BOARD)).breaker !== "closed",
    10_000,
    5,
  );
  await sleep(ms);
  rig.misbehave({});
  const troubles = load.troubles.slice(before.troubles);
  const wrong = troubles.filter(({ message }) => message.startsWith("wrong"));
  expect(wrong.length === 0, `${wrong.length} wrong answers: ${wrong[0]?.message}`);
  expect(troubles.length === 0, `${troubles.length} errors: ${troubles[0]?.message}`);
  expect(opened !== undefined, "its breaker did not open");
  expect((await eventually(works, 30_000)) !== undefined, "it is not back");
  const moved = sum(await scrape(rig.gateway.metricsPort), "beamgate_failovers_total") ?? 0;
  return (
    `0 wrong of ${load.answered - before.answered}, 0 errors, ejected after ` +
    `${opened.toFixed(0)} ms${moved > 0 ? `, ${moved} moved so far` : ""}`
  );
}

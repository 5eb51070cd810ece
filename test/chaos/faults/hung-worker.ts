/** F2: the worker of one of two boards is stopped, then its kernel never ends, under clients with deadlines. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cases, expect } from "../../support/cases.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { eventually } from "../../support/process-tree.ts";
import { Load } from "../load.ts";
import { type BoardRig, rowsQuestion, startBoardRig } from "./board-rig.ts";

const BOARD = "test-board-0";
/** `workers.executionTimeoutMs`, less than the 250 ms within which it must be found, for the look at it takes time. */
const EXECUTION_LIMIT_MS = 200;
const FOUND_LIMIT_MS = 250;
const CLIENTS = 16;
/** Every fourth client waits no longer than this; a batch takes 20 ms. */
const DEADLINE_MS = 400;
const LATE_MS = 20;
const CALM_MS = 2_000;

export async function hungWorkers(cases: Cases, short: boolean): Promise<void> {
  const rig = await startBoardRig({
    ...{ boards: 2, maxBatchSize: 8, usPerRow: 2_500 },
    settings: {
      workers: { executionTimeoutMs: EXECUTION_LIMIT_MS, heartbeatMs: 20 },
      breaker: { probeAfterMs: 300 },
    },
  });
  const { grpcPort } = rig.gateway;
  const load = new Load({
    ...{ port: grpcPort, clients: CLIENTS, connections: 4, timed: true },
    timeoutMs: (client) => (client % 4 === 0 ? DEADLINE_MS : 30_000),
    ask: (client, turn) => rowsQuestion("board", 1 + (turn % 3), client * 10_007 + turn, 1),
  });
  const other = new Load({
    ...{ port: grpcPort, clients: 2, connections: 1, timed: true },
    ask: (client, turn) => rowsQuestion("other", 1, client * 10_007 + turn, 0),
  });
  try {
    await bothServe(rig);
    await sleep(500);
    for (const [what, hang] of Object.entries(HANGS)) {
      for (let time = 0; time < (short ? 1 : 5); time += 1) {
        await cases.run(`${what}: found, and its work done elsewhere in time`, () =>
          through(rig, load, other, hang),
        );
      }
    }
  } finally {
    await load.stop();
    await other.stop();
    await rig.stop();
  }
}

/** @returns undoes it, where that is still needed */
type Hang = (rig: BoardRig, pid: number) => () => void;

const HANGS: Readonly<Record<string, Hang>> = {
  "a worker that is stopped (SIGSTOP)": (_, pid) => {
    process.kill(pid, "SIGSTOP");
    return () => {};
  },
  "a kernel that never ends": (rig) => {
    rig.misbehave({ [BOARD]: "hang" });
    return () => rig.misbehave({});
  },
};

async function through(rig: BoardRig, load: Load, other: Load, hang: Hang): Promise<string> {
  const calmSince = performance.now();
  await sleep(CALM_MS);
  const since = performance.now();
  const p99 = load.within(0.99, calmSince, since);
  const calm = [
    other.within(0.99, calmSince, calmSince + CALM_MS / 2),
    other.within(0.99, calmSince + CALM_MS / 2, since),
  ];
  const before = { troubles: load.troubles.length, ofOther: other.troubles.length };
  const { workerPid = 0 } = await rig.device(BOARD);
  expect(workerPid > 0, "no worker drives the board");
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await gatewayStoppedMs(rig);
  const undo = hang(rig, workerPid);
  const found = await eventually(
    async () => (await rig.device(BOARD)).workerPid !== workerPid,
    10_000,
    5,
  );
  undo();
  expect(found !== undefined, `after 10 s nobody had noticed: ${rig.gateway.log().slice(-500)}`);
  await sleep(500);
  const until = performance.now();
  const back = await eventually(async () => (await rig.device(BOARD)).state === "ready", 20_000);
  expect(back !== undefined, "the board is not back");

  const troubles = load.troubles.slice(before.troubles);
  const unexpected = troubles.filter(({ message }) => !message.startsWith("4 DEADLINE_EXCEEDED"));
  expect(unexpected.length === 0, `${unexpected.length} errors: ${unexpected[0]?.message}`);
  const longest = Math.max(0, ...troubles.map(({ sentAt, endedAt }) => endedAt - sentAt));
  // By so much as the machine stopped this process or the gateway, both know the time wrongly.
  const stoppedMs = delays.max / 1e6 + (await gatewayStoppedMs(rig));
  delays.disable();
  const latest = DEADLINE_MS + LATE_MS + stoppedMs;
  expect(
    longest <= latest,
    `one ended ${longest.toFixed(0)} ms after it began, ${latest.toFixed(0)} are right`,
  );
  expect(other.troubles.length === before.ofOther, `the other model: ${other.describeTroubles()}`);
  const limit = Math.max(3 * p99, FOUND_LIMIT_MS);
  expect(
    found <= limit,
    `found after ${found.toFixed(0)} ms, at most ${limit.toFixed(0)} are right`,
  );
  const during = other.within(0.99, since, until);
  return (
    `found after ${found.toFixed(0)} ms (limit ${limit.toFixed(0)}), ${troubles.length} of the clients with ` +
    `${DEADLINE_MS} ms were told so, the last after ${longest.toFixed(0)} ms (processes stopped for ${stoppedMs.toFixed(0)} ms), no other error; other model's p99 ` +
    `${during.toFixed(0)} ms, before ${calm.map((each) => each.toFixed(0)).join(" and ")}`
  );
}

/** The longest since the last scrape. */
async function gatewayStoppedMs({ gateway }: BoardRig): Promise<number> {
  const samples = await scrape(gateway.metricsPort);
  return 1_000 * (sum(samples, "beamgate_event_loop_delay_seconds", { quantile: "1" }) ?? 0);
}

async function bothServe(rig: BoardRig): Promise<void> {
  const serving = await eventually(
    async () =>
      (await rig.device(BOARD)).state === "ready" && (await rig.device(BOARD)).model !== null,
    20_000,
    100,
  );
  expect(serving !== undefined, "the boards do not serve");
}

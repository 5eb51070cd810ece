/** F9: clients that go away while their requests wait. Nothing of theirs is executed, and nothing of it is kept. */
import { readFileSync } from "node:fs";
import { connect, constants } from "node:http2";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../../src/package-root.ts";
import { type Cases, expect } from "../../support/cases.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { InferClient } from "../../support/infer-client.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { eventually } from "../../support/process-tree.ts";
import { grpcFrame } from "../attacks/raw-http2.ts";
import { type BoardRig, rowsQuestion, startBoardRig } from "./board-rig.ts";

const CANCELS = 100_000;
const SHORT_CANCELS = 5_000;
/** That wait at a time. */
const ROUND = 1_000;
const SESSIONS = 20;
const KEPT_LIMIT_BYTES = 5e6;
/** Number of the request that holds the board. */
const HOLDER = 1;
/** More than wait, so that none of them is handed over ahead. */
const HOLDING_ROWS = 2_000;
const BOARD = "test-board-0";
const SETTLE_MS = 1_500;
const CALL = {
  ":method": "POST",
  ":path": "/inference.GRPCInferenceService/ModelInfer",
  "content-type": "application/grpc",
  te: "trailers",
} as const;
/** The numbers of those that are cancelled begin here: above all that the holder's rows and first runs have. */
const FIRST = 100_000;
const BODIES = Array.from({ length: ROUND }, (_, at) =>
  grpcFrame(rowsQuestion("board", 1, FIRST + at, 1).bytes),
);

export async function cancels(cases: Cases, short: boolean): Promise<void> {
  const collector = join(packageRoot, "dist", "test", "support", "collect-on-signal.js");
  const rig = await startBoardRig({
    ...{ boards: 1, maxBatchSize: HOLDING_ROWS, usPerRow: 0, writeDown: true },
    launcher: ["env", `NODE_OPTIONS=--import=file://${collector}`],
  });
  const { gateway, executionsFile } = rig;
  const wanted = short ? SHORT_CANCELS : CANCELS;
  try {
    await cases.run(
      `${wanted} requests cancelled while they wait, every other one by hanging up`,
      async () => {
        // What a first round brings along is no leak.
        for (let warm = 0; warm < 2; warm += 1) await round(rig, warm % 2 === 1);
        const before = await kept(gateway);
        for (let at = 0; at < wanted / ROUND; at += 1) await round(rig, at % 2 === 1);
        const after = await kept(gateway);
        const executed = readFileSync(executionsFile, "utf8")
          .trimEnd()
          .split("\n")
          .filter((line) =>
            line
              .split(" ")
              .slice(1)
              .some((number) => Number(number) >= FIRST),
          );
        const grown = after.heapBytes - before.heapBytes;
        const told = `${executed.length} of ${wanted} executed, heap ${(grown / 1e6).toFixed(1)} MB more, ${Object.entries(
          after.counts,
        )
          .map(([name, count]) => `${name} ${count}`)
          .join(", ")}`;
        expect(executed.length === 0, told);
        expect(grown <= KEPT_LIMIT_BYTES, told);
        for (const [name, count] of Object.entries(after.counts)) {
          const was = before.counts[name] ?? 0;
          expect(count <= was, `${name}: ${count}, before ${was}`);
        }
        return told;
      },
    );
  } finally {
    await rig.stop();
  }
}

/** One request holds the board; those behind it are cancelled as soon as the gateway has all of them. */
async function round(rig: BoardRig, hangUp: boolean): Promise<void> {
  const { gateway } = rig;
  rig.misbehave({ [BOARD]: "hold" });
  const holder = new InferClient(gateway.grpcPort);
  const held = holder.infer(rowsQuestion("board", HOLDING_ROWS, HOLDER, 1).bytes);
  const begun = await eventually(async () => (await executing(gateway)) > 0, 10_000, 5);
  expect(begun !== undefined, "the board does not begin");
  const sessions = Array.from({ length: SESSIONS }, () =>
    connect(`http://127.0.0.1:${gateway.grpcPort}`).on("error", () => {}),
  );
  const streams = BODIES.map((body, at) => {
    const stream = sessions[at % SESSIONS]?.request(CALL);
    stream?.on("error", () => {});
    stream?.end(body);
    return stream;
  });
  const come = await eventually(async () => (await waiting(gateway)) >= ROUND, 10_000, 5);
  expect(come !== undefined, `only ${await waiting(gateway)} of ${ROUND} wait`);
  if (!hangUp) for (const stream of streams) stream?.close(constants.NGHTTP2_CANCEL);
  else for (const session of sessions) session.destroy();
  const left = await eventually(async () => (await waiting(gateway)) <= 1, 10_000, 5);
  expect(left !== undefined, `${await waiting(gateway)} still wait`);
  rig.misbehave({});
  await held;
  for (const session of sessions) session.destroy();
  holder.close();
}

async function executing({ metricsPort }: GatewayProcess): Promise<number> {
  return sum(await scrape(metricsPort), "beamgate_grpc_calls_in_flight") ?? 0;
}

async function waiting({ metricsPort }: GatewayProcess): Promise<number> {
  return sum(await scrape(metricsPort), "nv_inference_pending_request_count") ?? 0;
}

interface Kept {
  readonly heapBytes: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** What the gateway still has, garbage aside. */
async function kept({ pid, metricsPort }: GatewayProcess): Promise<Kept> {
  await sleep(SETTLE_MS);
  process.kill(pid, "SIGUSR2"); // collect-on-signal.ts
  await sleep(500);
  const samples = await scrape(metricsPort);
  const figure = (name: string, labels = {}) => sum(samples, name, labels) ?? 0;
  return {
    heapBytes: figure("nodejs_heap_size_used_bytes"),
    counts: {
      calls: figure("beamgate_grpc_calls_in_flight"),
      connections: figure("beamgate_grpc_connections"),
      "held bytes": figure("beamgate_grpc_held_bytes"),
      pending: figure("nv_inference_pending_request_count"),
      timers: figure("nodejs_active_resources", { type: "Timeout" }),
      descriptors: figure("process_open_fds"),
    },
  };
}

import { afterEach, describe, expect, it } from "vitest";
import { onePiece } from "../../src/inference/pieces.ts";
import { type NullProcess, startNullProcess } from "../drivers/null-server/null-process.ts";
import { Fleet } from "./fleet.ts";
import type { GeneratorOrder } from "./generator/order.ts";
import { joinLooks, type Merged } from "./merge.ts";
import { type PooledRequest, shareOf } from "./plan.ts";

const LIMIT_MS = 120_000;
const servers: NullProcess[] = [];
const fleets: Fleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0)) fleet.close();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const pool: PooledRequest[] = [1, 2].map((rows) => ({
  request: {
    ...{ model: "null", version: "", id: "", parameters: undefined, outputs: [] },
    inputs: [
      {
        ...{ name: "input", datatype: "FP32", shape: [rows, 16], parameters: undefined },
        data: onePiece(new Uint8Array(64 * rows)),
      },
    ],
  },
  ...{ rows, identity: 0 },
}));

async function order(
  driver: GeneratorOrder["driver"],
  loop: GeneratorOrder["loop"],
  changes: Partial<GeneratorOrder> = {},
): Promise<GeneratorOrder> {
  const server = await startNullProcess(driver === "http" ? ["--http"] : []);
  servers.push(server);
  return {
    ...{ driver, loop, connections: 2, identities: [[]], binary: true },
    address: { host: "127.0.0.1", port: server.port },
    ...{ lateAfterMs: 1000, mostInFlight: 1e6 },
    plan: { pool, index: 0, of: 1 },
    ...changes,
  };
}

async function started(orders: readonly GeneratorOrder[]): Promise<Fleet> {
  const fleet = await Fleet.start(orders);
  fleets.push(fleet);
  await fleet.begin();
  return fleet;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("generator processes", { timeout: LIMIT_MS }, () => {
  it("carry out a plan together, each its share, and are counted as one", async () => {
    const times = Float64Array.from({ length: 400 }, (_, at) => at);
    const loop = { kind: "open", pacing: "nap", measureFromMs: 0 } as const;
    const one = await order("grpc", loop, { answers: { output: "score", most: 1000 } });
    const fleet = await started(
      [0, 1].map((index) => ({
        ...one,
        plan: { pool, index, of: 2, dueMs: shareOf(times, index, 2) },
      })),
    );
    const looks = [];
    for (;;) {
      await pause(50);
      const { merged, exhausted } = await fleet.look();
      looks.push(merged);
      if (exhausted) break;
    }
    const overs = await fleet.end(20_000);
    const numbers = overs.flatMap(({ events }) => [...(events?.number ?? [])]);
    expect(numbers.sort((a, b) => a - b)).toEqual([...times]);
    expect(overs.map(({ ending }) => ending.unanswered)).toEqual([0, 0]);
    const scored = overs.reduce((sum, { events }) => sum + (events?.scores.length ?? 0), 0);
    // The null server answers one row; requests of two have no two scores.
    expect(scored).toBe(200);
    const joined = joinLooks(looks);
    expect(joined.sent).toBe(400);
    expect([...joined.failures.keys()][0]).toContain("not 2 rows");
  });

  it.each(["grpc", "grpc-stream", "http"] as const)(
    "keep %s busy in a closed loop",
    async (driver) => {
      const fleet = await started([await order(driver, { kind: "closed", concurrency: 4 })]);
      const looks: Merged[] = [];
      // However long that many take.
      do {
        await pause(100);
        looks.push((await fleet.look()).merged);
      } while (joinLooks(looks).answered < 200 && looks.length < 600);
      const merged = joinLooks(looks);
      expect(merged.failures.size).toBe(0);
      expect(merged.answered).toBeGreaterThan(50);
      expect(merged.rows / merged.answered).toBeCloseTo(1.5, 1);
      expect(merged.latency.count).toBe(merged.answered);
    },
  );

  it("say why they cannot begin", async () => {
    const one = await order("grpc", { kind: "closed", concurrency: 1 });
    const nobody = { ...one, address: { host: "127.0.0.1", port: 1 } };
    await expect(Fleet.start([nobody])).rejects.toThrow("ECONNREFUSED");
  });
});

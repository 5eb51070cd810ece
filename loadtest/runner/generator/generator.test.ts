import { afterEach, describe, expect, it } from "vitest";
import { onePiece } from "../../../src/inference/pieces.ts";
import { GrpcUnaryDriver } from "../../drivers/grpc-unary.ts";
import { startNullServer } from "../../drivers/null-server/null-server.ts";
import { parseLaw } from "../../drivers/null-server/service-law.ts";
import { Latencies } from "../../measure/latencies.ts";
import { EventLog } from "./event-log.ts";
import { Generator, type GeneratorOptions, type Plan } from "./generator.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Setup extends Partial<GeneratorOptions> {
  readonly law: string;
  /** Times at which requests are due, ms; none: as many as are asked for. */
  readonly due?: readonly number[];
  readonly perConnection?: number;
}

async function started({ law, due, perConnection = 1000, ...changes }: Setup) {
  const server = await startNullServer({ law: parseLaw(law) });
  const driver = new GrpcUnaryDriver(
    {
      address: { host: "127.0.0.1", port: server.port },
      connections: 1,
      identities: [[]],
      perConnection,
      keepAnswers: false,
    },
    {
      answered: (...told) => generator.answered(...told),
      room: () => generator.room(),
    },
  );
  const prepared = driver.prepare({
    ...{ model: "null", version: "", id: "", parameters: undefined, outputs: [] },
    inputs: [
      {
        ...{ name: "input", datatype: "FP32", shape: [1, 16], parameters: undefined },
        data: onePiece(new Uint8Array(64)),
      },
    ],
  });
  let number = 0;
  const plan: Plan = {
    next() {
      if (due !== undefined && number >= due.length) return undefined;
      const dueMs = due?.[number] ?? 0;
      return { number: number++, dueMs, prepared, rows: 1, identity: 0 };
    },
  };
  const generator = new Generator(driver, plan, {
    loop: { kind: "open", pacing: "nap", measureFromMs: 0 },
    lateAfterMs: 1,
    mostInFlight: 1e6,
    now: () => performance.now(),
    ...changes,
  });
  closers.push(
    () => server.close(),
    () => driver.close(),
  );
  await driver.open();
  generator.start(performance.now());
  return generator;
}

const evenly = (count: number, everyMs: number) =>
  Array.from({ length: count }, (_, index) => index * everyMs);

async function done(generator: Generator) {
  while (!generator.exhausted) await new Promise((resolve) => setTimeout(resolve, 5));
  const ending = await generator.stop(20_000);
  return { ending, ...generator.snapshot() };
}

describe("an open loop", () => {
  it("sends every request of its plan when it is due", async () => {
    let lagMs = Number.POSITIVE_INFINITY;
    // A tenth of a millisecond where nobody else uses the machine; again where others do.
    for (let tries = 0; tries < 20 && !(lagMs < 25); tries++) {
      const log = new EventLog(1000);
      const report = await done(await started({ law: "none", due: evenly(300, 1), log }));
      expect(report).toMatchObject({ sent: 300, answered: 300, failures: {}, dropped: 0, held: 0 });
      const { number } = log.columns();
      expect([...number].sort((a, b) => a - b)).toEqual(evenly(300, 1));
      lagMs = Latencies.decode(report.lag).quantileMs(0.5);
    }
    expect(lagMs).toBeLessThan(25);
  });

  it("goes on asking while the server stalls, and counts the wait", async () => {
    // The last 200 ms of every 300 ms nothing is answered.
    const generator = await started({ law: "stalls:1,200,300", due: evenly(600, 1) });
    const latency = Latencies.decode((await done(generator)).latency);
    expect(latency.quantileMs(0.5)).toBeGreaterThan(20);
    expect(latency.quantileMs(0.95)).toBeGreaterThan(130);
  });

  it("counts from when a request was due, where connections let it wait", async () => {
    const setup = { due: evenly(10, 0), perConnection: 1, lateAfterMs: 1_000 };
    const generator = await started({ law: "fixed:200", ...setup });
    const report = await done(generator);
    expect(report.held).toBe(9);
    expect(report.late).toBe(0);
    expect(Latencies.decode(report.latency).maxMs).toBeGreaterThan(1_800);
    expect(Latencies.decode(report.service).quantileMs(0.5)).toBeLessThan(900);
  });

  it("leaves out what was due during warm-up", async () => {
    const loop = { kind: "open", pacing: "nap", measureFromMs: 50 } as const;
    const report = await done(await started({ law: "none", due: evenly(100, 1), loop }));
    expect(report.sent).toBe(50);
    expect(report.answered).toBe(50);
  });

  it("drops what it cannot hold, and says how much", async () => {
    const due = evenly(20, 0);
    const generator = await started({ law: "fixed:50", due, mostInFlight: 5 });
    expect(await done(generator)).toMatchObject({ sent: 5, dropped: 15 });
  });

  it("counts what was due and never sent, when it is ended before it got so far", async () => {
    const log = new EventLog(100);
    const due = [...evenly(10, 1), 60_000];
    const generator = await started({ law: "fixed:10000", due, perConnection: 1, log });
    await new Promise((resolve) => setTimeout(resolve, 40));
    const { unanswered } = await generator.stop(20);
    // What is due in a minute is nobody's loss.
    expect([unanswered, generator.snapshot()]).toMatchObject([1, { sent: 1, dropped: 9 }]);
    expect(log.columns().number).toHaveLength(10);
  });

  it("tells what nobody answered, and how old it is", async () => {
    const generator = await started({ law: "fixed:10000", due: [0, 1, 2] });
    await new Promise((resolve) => setTimeout(resolve, 40));
    const ending = await generator.stop(20);
    expect(ending.unanswered).toBe(3);
    expect(ending.oldestMs).toBeGreaterThan(50);
  });
});

it("a generator that has not begun yet has nothing behind it", async () => {
  const generator = new Generator(
    {} as never,
    { next: () => undefined },
    {
      loop: { kind: "open", pacing: "nap", measureFromMs: 0 },
      ...{ lateAfterMs: 1, mostInFlight: 1, now: () => performance.now() },
    },
  );
  expect(generator.exhausted).toBe(false);
  await generator.stop(0);
  generator.start(performance.now());
  expect(generator.exhausted).toBe(false);
});

describe("a closed loop", () => {
  it("keeps as many in flight as it was told, and no more", async () => {
    const loop = { kind: "closed", concurrency: 7 } as const;
    const generator = await started({ law: "fixed:5", loop });
    for (let look = 0; look < 10; look++) {
      await new Promise((resolve) => setTimeout(resolve, 7));
      expect(generator.inFlight).toBe(7);
    }
    const ending = await generator.stop(20_000);
    const report = generator.snapshot();
    expect(ending.unanswered).toBe(0);
    expect(report.sent).toBe(report.answered);
    expect(Latencies.decode(report.latency).quantileMs(0)).toBeGreaterThanOrEqual(4);
  });
});

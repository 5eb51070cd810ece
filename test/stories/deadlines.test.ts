/**
 * A board of a gateway that is asked for three times what it can do, by clients with deadlines. The board itself
 * writes down what it began and when, on the clock of the clients. A gateway reads a deadline as the time that is left
 * when it reads it: by so much as the machine stopped this process or the gateway, as both measured, it knows it wrongly.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion, type InferQuestion } from "../support/infer-messages.ts";
import { scrape, sum } from "../support/metrics.ts";
import { temporaryRepository } from "../support/model-repository.ts";
import { addBoardModel, withBoards } from "../support/models-on-boards.ts";
import { refusalFigures, refusalText } from "../support/refusals.ts";

const LIMIT_MS = 120_000;
const ROWS = 4;
const BATCH_ROWS = 32;
const BATCH_MS = 100;
const DEADLINE_MS = 6 * BATCH_MS;
/** Requests a second. */
const CAPACITY = (BATCH_ROWS / ROWS / BATCH_MS) * 1_000;
const FLOOD_MS = 4_000;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;
const DEADLINE_EXCEEDED = 4;

const repository = temporaryRepository();
const executionsFile = join(repository.folder, "executions");
let gateway: GatewayProcess;
let client: InferClient;
let asked = 0;

beforeAll(async () => {
  const usPerRow = (BATCH_MS * 1_000) / BATCH_ROWS;
  addBoardModel(repository, { name: "slow", maxBatchSize: BATCH_ROWS, usPerRow });
  const flags = withBoards(repository, { boards: 1, executionsFile });
  gateway = await startGateway({ repositories: [repository.folder], flags });
  client = new InferClient(gateway.grpcPort);
  // What a batch costs is learnt before.
  await Promise.all(Array.from({ length: 10 * (BATCH_ROWS / ROWS) }, () => ask(false).over));
}, LIMIT_MS);
afterAll(async () => {
  client?.cancel();
  client?.close();
  await gateway?.stop();
  rmSync(executionsFile, { force: true });
  repository.remove();
});

/** ms, the same for all processes of this machine. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** What became of a request. */
interface Fate {
  readonly number: number;
  readonly askedAt: number;
  readonly deadline: number;
  readonly endedAt: number;
  readonly tookMs: number;
  /** See `support/refusals.ts`. */
  readonly twinMs: number;
  /** undefined: it was answered. */
  readonly error: ServiceError | undefined;
}

/** @param told false: its deadline is the client's own affair */
function ask(told: boolean): { over: Promise<Fate> } {
  asked += 1;
  const number = asked;
  const numbers = new Float32Array(ROWS * 2).fill(number);
  const inputs = [
    { name: "x", datatype: "FP32", shape: [ROWS, 2], data: new Uint8Array(numbers.buffer) },
  ];
  const askedAt = now();
  const deadline = askedAt + DEADLINE_MS;
  const question = encodeQuestion({ model: "slow", inputs });
  const timeoutMs = told ? DEADLINE_MS : LIMIT_MS;
  // By turns the first of the two: whoever is second waits for the other.
  let twin = number % 2 === 0 ? twinMs(inputs, timeoutMs) : undefined;
  const began = now();
  const fate = async (error?: ServiceError): Promise<Fate> => {
    const endedAt = now();
    const own = { number, askedAt, deadline, endedAt, tookMs: endedAt - began, error };
    return { ...own, twinMs: (await twin) ?? Number.NaN };
  };
  const answer = client.infer(question, timeoutMs);
  twin ??= twinMs(inputs, timeoutMs);
  return { over: answer.then(() => fate(), fate) };
}

/** How long it takes until the same request is refused for a model that nobody has. */
async function twinMs(inputs: InferQuestion["inputs"], timeoutMs: number): Promise<number> {
  const began = now();
  const code = await client.infer(encodeQuestion({ model: "nobody's", inputs }), timeoutMs).then(
    () => undefined,
    (error: ServiceError) => error.code,
  );
  return code === NOT_FOUND ? now() - began : Number.NaN;
}

/** @param load in parts of what the board can do */
async function askFor(ms: number, load: number, told: boolean): Promise<readonly Fate[]> {
  const fates: Promise<Fate>[] = [];
  for (const start = now(); now() - start < ms; ) {
    while (fates.length < ((now() - start) / 1_000) * CAPACITY * load) fates.push(ask(told).over);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return Promise.all(fates);
}

/** When the board began with each request. */
function beginnings(): ReadonlyMap<number, number> {
  const began = new Map<number, number>();
  for (const line of readFileSync(executionsFile, "utf8").trimEnd().split("\n")) {
    const [at = Number.NaN, ...numbers] = line.split(" ").map(Number);
    for (const number of numbers) began.set(number, at);
  }
  return began;
}

const delays = monitorEventLoopDelay({ resolution: 1 });

/** How long this process and the gateway were stopped at most since the last call, ms. */
async function stalledMs(): Promise<number> {
  const samples = await scrape(gateway.metricsPort);
  const itsS = sum(samples, "beamgate_event_loop_delay_seconds", { quantile: "1" }) ?? 0;
  const ownMs = delays.max / 1e6;
  delays.reset();
  return itsS * 1_000 + ownMs;
}

const inTime = ({ error, endedAt, deadline }: Fate) => error === undefined && endedAt <= deadline;

async function figures(fates: readonly Fate[]) {
  const stalled = await stalledMs();
  const began = beginnings();
  const isLate = ({ number, deadline }: Fate) => (began.get(number) ?? 0) >= deadline + stalled;
  const executed = fates.filter(({ number }) => began.has(number));
  return {
    executed: executed.length,
    expired: executed.filter(isLate).length,
    stalled,
    inTime: fates.filter(inTime).length,
  };
}

/** Without those that were let in, and refused when it turned out that they had waited for too long. */
const refusedAtTheDoor = (fates: readonly Fate[]) =>
  fates.filter(({ error, tookMs }) => error?.code === UNAVAILABLE && tookMs < DEADLINE_MS / 2);

/** Of what the board can do until the last deadline. */
const goodput = ({ inTime }: { readonly inTime: number }) => {
  const possible = ((FLOOD_MS + DEADLINE_MS) / 1_000) * CAPACITY;
  return `${((100 * inTime) / possible).toFixed(0)} % of what the board can do`;
};

describe("a board that is asked for three times what it can do", { timeout: LIMIT_MS }, () => {
  it("begins nothing that has expired, refuses in Triton's words, and recovers", async ({
    annotate,
  }) => {
    delays.enable();
    await stalledMs();
    const flood = await askFor(FLOOD_MS, 3, true);
    const over = now();
    const told = await figures(flood);
    const after = await askFor(3_000, 0.5, true);
    const recovered = after.filter(({ askedAt }) => askedAt > over + 2_000);
    const inBetween = await figures(recovered);
    const errors = flood.flatMap(({ error }) => (error ? [error] : []));
    const refused = errors.filter(({ code }) => code === UNAVAILABLE);
    const atOnce = refusalFigures(refusedAtTheDoor(flood));
    const control = await figures(await askFor(FLOOD_MS, 3, false));
    const later = refused.length - atOnce.count;
    const stops = [told, inBetween, control].map(({ stalled }) => stalled.toFixed(0));
    await annotate(
      `${flood.length} asked, ${told.executed} executed, ${refused.length} refused, in time: ${goodput(told)}; ` +
        `in the order of arrival ${control.expired} of ${control.executed} had expired, in time: ${goodput(control)}; ` +
        `${refusalText(atOnce)}; ${later} refused after they had waited; ` +
        `processes were stopped for ${stops.join(", ")} ms`,
    );

    expect(told.executed).toBeGreaterThan(0);
    expect(told.expired).toBe(0);
    expect(refused.length).toBeGreaterThan(flood.length / 4);
    expect(new Set(refused.map(({ details }) => details))).toEqual(
      new Set(["Request timeout expired"]),
    );
    // The others had begun, or were told so by their own clock.
    expect(errors.every(({ code }) => code === UNAVAILABLE || code === DEADLINE_EXCEEDED)).toBe(
      true,
    );
    // Refused when it came, in the time of any other refusal: 1 % may be late beyond what the machine does to both alike.
    expect(atOnce.later).toBeLessThan(atOnce.count / 100 + 2 * atOnce.earlier + 10);
    expect(control.expired).toBeGreaterThan(control.executed / 2);
    // What is in time on a machine that stops processes for longer than a batch takes is the machine's doing.
    if (inBetween.stalled < BATCH_MS) expect(recovered.filter((fate) => !inTime(fate))).toEqual([]);
    if (told.stalled < BATCH_MS) {
      expect(told.inTime).toBeGreaterThan(2 * control.inTime);
      expect(atOnce.count).toBeGreaterThan(refused.length / 2);
    }
  });
});

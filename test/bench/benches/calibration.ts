/**
 * The load test against servers whose service law is known: what it measures is
 * what theory says, and a stall that a closed loop does not see is seen.
 */
import { startNullProcess } from "../../../loadtest/drivers/null-server/null-process.ts";
import { parseLaw, quantileOf } from "../../../loadtest/drivers/null-server/service-law.ts";
import { Latencies } from "../../../loadtest/measure/latencies.ts";
import type { Point, Result } from "../../../loadtest/report/schema.ts";
import { run } from "../../../loadtest/runner/run.ts";
import type { Load, RunSpec } from "../../../loadtest/runner/run-spec.ts";
import { NULL_REQUEST } from "../null-request.ts";
import { perfAnalyzer } from "../perf-analyzer.ts";
import type { BenchResult } from "../result.ts";

const SHARES = [0.5, 0.99, 0.999];

interface Case {
  readonly law: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Means of 200 ms and more, 35 000 answers and more each: the machine's own noise is small beside that. */
const CASES: readonly Case[] = [
  { law: "fixed:200", perSecond: 3500, seconds: 10 },
  { law: "exponential:200", perSecond: 4000, seconds: 20 },
  { law: "stalls:200,500,25000", perSecond: 2000, seconds: 25 },
];
/** The server kept its law where its own record is within this of it: then one round is enough. */
const KEPT = 0.03;
const MOST_ROUNDS = 3;
/** In flight of a closed loop that asks about as often, while nothing stalls. */
const CLOSED = 400;

export async function calibration(): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  const errors: Record<string, number> = {};
  let worst = 0;
  let worstServer = 0;
  let worstOfServed = 0;
  for (const one of CASES) {
    const { law } = one;
    const { point, served } = await steadiest(one);
    for (const { reason, count } of point.failures) errors[reason] = count;
    if (point.unanswered.count > 0) errors[`${law}: unanswered`] = point.unanswered.count;
    const measured = Latencies.decode(point.latency.histogram);
    worst = Math.max(worst, deviation(measured, law));
    worstServer = Math.max(worstServer, deviation(served, law));
    for (const share of SHARES) {
      const found = measured.quantileMs(share);
      const theory = quantileOf(parseLaw(law), share);
      const own = served.quantileMs(share);
      figures[`${law} p${100 * share} ms (theory ${theory.toFixed(1)})`] = found;
      worstOfServed = Math.max(worstOfServed, Math.abs(found / own - 1));
    }
  }
  figures["the server's own deviation from its laws"] = worstServer;
  figures["deviation from what the server really did"] = worstOfServed;
  const stall = CASES.at(-1);
  if (stall !== undefined) {
    const windowMs = (1000 * stall.seconds) / 3;
    const windows = { windowMs, stability: 0, mostWindows: 3 };
    const load: Load = { kind: "closed", concurrencies: [CLOSED], ...windows };
    const { point } = await against(stall.law, load);
    const closed = Latencies.decode(point.latency.histogram);
    for (const share of SHARES) {
      figures[`${stall.law} p${100 * share} ms, closed loop`] = closed.quantileMs(share);
    }
    const theirs = await byPerfAnalyzer(stall.law, windowMs);
    for (const [name, ms] of Object.entries(theirs)) {
      figures[`${stall.law} ${name} ms, perf_analyzer`] = ms;
    }
  }
  return {
    name: "calibration",
    measures: "largest deviation of p50, p99, p99.9 from theory, three service laws, open loop",
    value: worst,
    goal: { kind: "at most", value: 0.05 },
    ...{ figures, errors },
  };
}

async function byPerfAnalyzer(
  law: string,
  windowMs: number,
): Promise<Readonly<Record<string, number>>> {
  const server = await startNullProcess(["--law", law]);
  try {
    return (await perfAnalyzer(server.port, "null", CLOSED, Math.round(windowMs))) ?? {};
  } finally {
    await server.stop();
  }
}

interface Measured {
  readonly point: Point;
  /** How long the server's answers took by its own clock. */
  readonly served: Latencies;
}

/**
 * On a busy machine the server itself misses its law, and then nobody can measure it. So the round is
 * judged in which the server, by its own record, kept it best: what our own tool measured has no say in that.
 */
async function steadiest({ law, perSecond, seconds }: Case): Promise<Measured> {
  const load: Load = { kind: "open", durationMs: 1000 * seconds, rates: [perSecond] };
  let best = await against(law, load);
  for (let round = 1; round < MOST_ROUNDS && deviation(best.served, law) > KEPT; round++) {
    const next = await against(law, load);
    if (deviation(next.served, law) < deviation(best.served, law)) best = next;
  }
  return best;
}

/** Largest, of the shares that are judged. */
function deviation(found: Latencies, law: string): number {
  return Math.max(
    ...SHARES.map((share) =>
      Math.abs(found.quantileMs(share) / quantileOf(parseLaw(law), share) - 1),
    ),
  );
}

async function against(law: string, load: Load): Promise<Measured> {
  const server = await startNullProcess(["--law", law]);
  let served: Latencies | undefined;
  let point: Point;
  try {
    const result = await run(specOf(server.port, law, load), {
      progress: () => undefined,
      say: () => undefined,
      signal: new AbortController().signal,
    });
    point = mainOf(result);
  } finally {
    served = await server.stop();
  }
  if (served === undefined) throw new Error(`the server of ${law} left no record`);
  return { point, served };
}

function specOf(port: number, law: string, load: Load): RunSpec {
  return {
    about: { name: law, title: law, seed: 1, scale: "none", settings: {}, notes: [] },
    driver: "grpc",
    address: { host: "127.0.0.1", port },
    ...{
      identity: { headers: [] },
      models: ["null"],
      load,
      warmupMs: 1000,
      patienceMs: 5000,
      actions: [],
    },
    generator: {
      ...{ processes: 1, pacing: "nap", lateAfterMs: 5, mostInFlight: 1e6, ceiling: false },
    },
    ...{ budgetsMs: [], percentiles: [], objectives: [] },
    streams: async (ask) => [
      {
        ...{ name: "", version: "", headers: [], facts: await ask("null", "") },
        requests: (durationMs, perSecond = 1000) => ({
          pool: [NULL_REQUEST],
          ns: Float64Array.from(
            { length: Math.floor((durationMs * perSecond) / 1000) },
            (_, at) => (at * 1e9) / perSecond,
          ),
        }),
      },
    ],
  };
}

function mainOf({ points, main }: Result) {
  const point = points[main];
  if (point === undefined) throw new Error("a result without a measurement");
  return point;
}

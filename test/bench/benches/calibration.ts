/**
 * The load test against servers whose service law is known: what it measures is
 * what theory says, and a stall that a closed loop does not see is seen.
 */
import { startNullProcess } from "../../../loadtest/drivers/null-server/null-process.ts";
import { parseLaw, quantileOf } from "../../../loadtest/drivers/null-server/service-law.ts";
import { Latencies } from "../../../loadtest/measure/latencies.ts";
import type { Result } from "../../../loadtest/report/schema.ts";
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
/** In flight of a closed loop that asks about as often, while nothing stalls. */
const CLOSED = 400;

export async function calibration(): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  const errors: Record<string, number> = {};
  let worst = 0;
  for (const { law, perSecond, seconds } of CASES) {
    const load: Load = { kind: "open", durationMs: 1000 * seconds, rates: [perSecond] };
    const point = mainOf(await against(law, load));
    for (const { reason, count } of point.failures) errors[reason] = count;
    if (point.unanswered.count > 0) errors[`${law}: unanswered`] = point.unanswered.count;
    for (const share of SHARES) {
      const found = Latencies.decode(point.latency.histogram).quantileMs(share);
      const theory = quantileOf(parseLaw(law), share);
      figures[`${law} p${100 * share} ms (theory ${theory.toFixed(1)})`] = found;
      worst = Math.max(worst, Math.abs(found / theory - 1));
    }
  }
  const stall = CASES.at(-1);
  if (stall !== undefined) {
    const windowMs = (1000 * stall.seconds) / 3;
    const windows = { windowMs, stability: 0, mostWindows: 3 };
    const load: Load = { kind: "closed", concurrencies: [CLOSED], ...windows };
    const closed = Latencies.decode(mainOf(await against(stall.law, load)).latency.histogram);
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

async function against(law: string, load: Load): Promise<Result> {
  const server = await startNullProcess(["--law", law]);
  try {
    return await run(specOf(server.port, law, load), {
      progress: () => undefined,
      say: () => undefined,
      signal: new AbortController().signal,
    });
  } finally {
    await server.stop();
  }
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

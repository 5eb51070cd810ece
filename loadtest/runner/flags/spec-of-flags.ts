/** A run that flags alone describe, with perf_analyzer's defaults where it has some. */

import { Random } from "../../../models/make/random.ts";
import { readTrace, replayArrivals, type TraceLine } from "../../arrivals/trace.ts";
import { uniform } from "../../measure/uniform.ts";
import { recordedPayloads } from "../../payloads/recorded.ts";
import { parseObjective } from "../../report/objectives.ts";
import { triggerSchema } from "../../scenario/trigger-schema.ts";
import { makeTrigger } from "../../trigger/trigger.ts";
import type { Payload } from "../../types.ts";
import type { AnswersOrder } from "../generator/order.ts";
import { pooledAt } from "../plan.ts";
import type { RunSpec } from "../run-spec.ts";
import { analyseStream } from "../scenario/analyse-stream.ts";
import { pooledRequest } from "../scenario/pooled-request.ts";
import type { Decision, SentColumns } from "../scenario/sent-columns.ts";
import type { Requests } from "../step.ts";
import { parseUrl } from "../target.ts";
import type { StreamWorkload } from "../workload.ts";
import { arrivalsAt, arrivalsBy, readIntervals } from "./arrivals.ts";
import type { Flags } from "./flags.ts";
import { refuseIdleFlags } from "./idle-flags.ts";
import { loadOf, loadText } from "./load-of-flags.ts";
import {
  driverOf,
  flagsForReaders,
  readHeaders,
  readParameters,
  readScoreOutput,
  readShapes,
  readTls,
  UsageError,
} from "./read-flags.ts";
import { referenceOf } from "./reference-of-flags.ts";
import { requestsOf } from "./requests.ts";

const DEFAULT_BUDGETS_MS = [1, 2, 5, 10, 20, 50, 100];
const MOST_IN_FLIGHT = 1_000_000;
/** Requests whose answers are kept one by one. */
const MOST_EVENTS = 5_000_000;

/** @throws UsageError */
export function specOfFlags(flags: Flags): RunSpec {
  const { modelName } = flags;
  if (modelName === undefined) {
    throw new UsageError("say what to test: a scenario, a preset (--list), or a model with -m");
  }
  refuseIdleFlags(flags, false);
  const seed = flags.seed ?? 1;
  const load = loadOf(flags);
  const connection = connectionOf(flags);
  const title = `${modelName}, ${loadText(flags, load)}`;
  const requests = {
    batchSize: flags.batchSize ?? 1,
    shapes: readShapes(flags.shape ?? []),
    inputData: flags.inputData ?? "random",
    parameters: readParameters("--request-parameter", flags.requestParameter ?? []),
    outputs: [],
  };
  const intervals =
    flags.requestIntervals === undefined ? undefined : readIntervals(flags.requestIntervals);
  const trace = flags.replay === undefined ? undefined : traceOf(flags.replay, modelName);
  return {
    about: {
      ...{ name: "flags", title, seed },
      scale: "1 : 1, the requests are those of the flags; no experiment is imitated.",
      ...{ settings: { ...flagsForReaders(flags) }, notes: [] },
    },
    ...connection,
    models: [modelName],
    load,
    ...measuringOf(flags),
    ...referenceOf(flags),
    actions: [],
    streams: async (ask) => {
      const version = flags.modelVersion ?? "";
      const facts = await ask(modelName, version);
      const recorded = trace?.some(({ inputs }) => inputs !== undefined) === true;
      const pool = recorded
        ? recordedPayloads(trace, facts, flags.replay ?? "").pool.map((payload) =>
            pooledRequest({ model: modelName, version }, payload, requests.parameters),
          )
        : requestsOf(facts, version, requests, new Random(seed));
      const times = (durationMs: number, perSecond: number | undefined) => {
        if (trace !== undefined) return replayed(trace, durationMs, flags.timeScale ?? 1);
        if (perSecond === undefined) return arrivalsBy(intervals ?? [1e6], durationMs);
        const distribution = flags.requestDistribution ?? "constant";
        return arrivalsAt(perSecond, durationMs, distribution, uniform(seed));
      };
      const decision = decisionOf(flags);
      const stream: StreamWorkload = {
        ...{ name: "", facts, version, headers: connection.identity.headers },
        ...answersOf(flags),
        ...(decision === undefined ? {} : { threshold: decision.threshold }),
        requests: (durationMs, perSecond) => ({ pool, ns: times(durationMs, perSecond) }),
        ...(decision === undefined || load.kind === "closed"
          ? {}
          : {
              analyse: (step, warmupMs) =>
                analyseStream(decision, sentColumns(step.requests), step, warmupMs),
            }),
      };
      return [stream];
    },
  };
}

/** Where, and as whom. */
export function connectionOf(
  flags: Flags,
): Pick<RunSpec, "driver" | "address" | "identity" | "httpAddress"> {
  const driver = driverOf(flags);
  const tls = readTls(flags);
  const address = parseUrl(flags.url ?? "localhost", driver, tls);
  const httpAddress =
    flags.httpUrl === undefined ? undefined : parseUrl(flags.httpUrl, "http", tls);
  const identity = { headers: readHeaders(flags.header ?? []) };
  return { driver, address, identity, ...(httpAddress === undefined ? {} : { httpAddress }) };
}

/** How it is measured and judged. */
export function measuringOf(
  flags: Flags,
): Pick<
  RunSpec,
  "warmupMs" | "patienceMs" | "generator" | "budgetsMs" | "percentiles" | "objectives"
> {
  return {
    warmupMs: 1000 * (flags.warmup ?? 1),
    patienceMs: 5000,
    generator: {
      processes: flags.processes ?? 1,
      ...(flags.connections === undefined ? {} : { connections: flags.connections }),
      pacing: flags.spin === true ? "spin" : "nap",
      lateAfterMs: flags.lateAfter ?? 1,
      mostInFlight: MOST_IN_FLIGHT,
      ceiling: flags.ceiling !== false,
    },
    budgetsMs: flags.budget ?? DEFAULT_BUDGETS_MS,
    percentiles: flags.percentile === undefined ? [] : [flags.percentile / 100],
    objectives: (flags.objective ?? []).map(parseObjective),
  };
}

/** What of the answers is looked into. */
export function answersOf(flags: Flags): { readonly answers?: AnswersOrder } {
  const wanted =
    flags.scoreOutput !== undefined ||
    flags.threshold !== undefined ||
    flags.referenceUrl !== undefined ||
    flags.referenceModel !== undefined ||
    flags.referenceParameter !== undefined;
  if (!wanted) return {};
  return { answers: { ...readScoreOutput(flags.scoreOutput ?? ""), most: MOST_EVENTS } };
}

/** What was asked of the model; where the trace names none, all of it. @throws UsageError */
function traceOf(file: string, model: string): TraceLine[] {
  const lines = readTrace(file).filter((line) => (line.model ?? model) === model);
  if (lines.length === 0) throw new UsageError(`--replay ${file}: nothing was asked of '${model}'`);
  return lines;
}

/** @param timeScale 2 takes twice as long. @returns ns after the start */
function replayed(
  trace: readonly TraceLine[],
  durationMs: number,
  timeScale: number,
): Float64Array {
  const arrivals = replayArrivals(trace, { speed: 1 / timeScale, repeat: false }, "");
  const times: number[] = [];
  for (const { atMs } of arrivals) {
    if (atMs >= durationMs) break;
    times.push(Math.round(atMs * 1e6));
  }
  return Float64Array.from(times);
}

function decisionOf({ threshold, prescale, scoreOutput }: Flags): Decision | undefined {
  if (threshold === undefined) return undefined;
  const spec = triggerSchema.parse({
    ...{ threshold, prescale: prescale ?? 1 },
    ...readScoreOutput(scoreOutput ?? ""),
  });
  return { threshold, prescale: spec.prescale, make: () => makeTrigger(spec) };
}

/** Each row of a request of the flags is an event. */
function sentColumns({ pool, ns }: Requests): SentColumns {
  const times = ns ?? new Float64Array();
  const payloads = pool.map(({ rows }, key): Payload => ({ key, inputs: [], rows }));
  const keys = Uint32Array.from(times, (_, number) => pooledAt(number, pool.length));
  return {
    ...{ keys, pool: payloads, lhc: undefined },
    intended: Array.from(times, (time, number) => ({
      atMs: time / 1e6,
      events: payloads[keys[number] ?? 0]?.rows ?? 1,
    })),
  };
}

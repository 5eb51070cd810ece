/**
 * How much a server can do: the highest rate that meets a latency budget, found
 * several times over, and what that means in clients and boards.
 *
 * The overhead of asking a server is what one client alone waits beyond the
 * inference itself. The inference itself is the figure given (`--local-ms`), or
 * the compute time that the server tells: the same model on the same device, less
 * queue, network and protocol. It is not run here: the tool is a client and has no backends.
 */
import { Latencies } from "../measure/latencies.ts";
import { lostShare } from "../report/objectives.ts";
import type { Capacity, Result } from "../report/schema.ts";
import type { Load } from "./run-spec.ts";
import type { Runner } from "./runner.ts";
import { highestRate } from "./search.ts";
import type { Step } from "./step.ts";

type CapacityLoad = Extract<Load, { readonly kind: "capacity" }>;

const MOST_TRIALS = 24;
/** The first search looks over a wide range, the repeats only around what it found. */
const REPEAT_FROM = 0.8;

export async function findCapacity(
  runner: Runner,
  load: CapacityLoad,
): Promise<{ steps: Step[]; more: Partial<Result>; judged: Step[] }> {
  const one = await runner.closed(1, {
    windowMs: Math.min(1000, load.durationMs),
    ...{ stability: 0.1, mostWindows: 5 },
  });
  const steps: Step[] = [one];
  const tried: Capacity["steps"] = [];
  const best: number[] = [];
  let bestStep: Step | undefined;
  /** The lowest rate that was too much, and why it was: a generator at its end is no knee of the server. */
  let knee: { readonly perSecond: number; readonly step: Step } | undefined;
  for (let repeat = 0; repeat < load.repeats && !runner.aborted; repeat++) {
    const before = best[0];
    const from = before === undefined || before === 0 ? load.from : before * REPEAT_FROM;
    const limits = { from, to: load.to, precision: load.precision, mostTrials: MOST_TRIALS };
    const found = await highestRate(limits, async (perSecond) => {
      const step = await runner.open(load.durationMs, perSecond);
      const met = meets(step, load);
      const { latency } = step.point;
      const ms = Latencies.decode(latency.histogram).quantileMs(load.budget.share);
      tried.push({ perSecond, p: ms, met });
      if (repeat === 0) steps.push(step);
      if (!met && perSecond < (knee?.perSecond ?? Number.POSITIVE_INFINITY)) {
        knee = { perSecond, step };
      }
      if (met && perSecond >= Math.max(0, ...best)) bestStep = step;
      return met;
    });
    best.push(found.perSecond);
  }
  const sorted = [...best].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const rate = { perSecond: median, low: sorted[0] ?? 0, high: sorted.at(-1) ?? 0 };
  const capacity: Capacity = {
    ...{ budget: load.budget, rate, repeats: best, steps: tried },
    ...clients(runner, load, median, bestStep ?? one),
    ...overhead(load, one),
  };
  const judged = [bestStep, knee?.step].filter((step) => step !== undefined);
  return { steps, more: { capacity }, judged: judged.length === 0 ? steps : judged };
}

function meets({ point }: Step, load: CapacityLoad): boolean {
  const latencies = Latencies.decode(point.latency.histogram);
  // A request without an answer is later than any budget.
  const asked = point.sent + point.dropped;
  const inTime =
    asked === 0 ? 0 : (latencies.shareWithin(load.budget.ms) * latencies.count) / asked;
  return (
    inTime >= load.budget.share && lostShare(point) <= load.mostLost && point.invalid.length === 0
  );
}

function clients(
  runner: Runner,
  load: CapacityLoad,
  perSecond: number,
  { point }: Step,
): Partial<Capacity> {
  const devices = load.devices ?? runner.stream.facts.instances;
  const { clientPerSecond } = load;
  const bytes = point.generator.bytesOutPerSecond + point.generator.bytesInPerSecond;
  return {
    ...(devices === undefined ? {} : { devices }),
    ...(clientPerSecond === undefined
      ? {}
      : {
          clientRatePerSecond: clientPerSecond,
          bytesPerSecondPerClient:
            (bytes / Math.max(1e-9, point.answeredPerSecond)) * clientPerSecond,
          ...(devices === undefined
            ? {}
            : { clientsPerDevice: perSecond / clientPerSecond / devices }),
        }),
  };
}

function overhead({ localMs }: CapacityLoad, { point }: Step): Partial<Capacity> {
  const oneClientMs = Latencies.decode(point.latency.histogram).quantileMs(0.5);
  const { split } = point;
  if (localMs !== undefined) {
    const overheadMs = Math.max(0, oneClientMs - localMs);
    return { oneClientMs, localMs, overheadMs, overheadOver: "given local figure" };
  }
  if (split === undefined) return { oneClientMs };
  const computeMs = split.computeInputMs + split.computeInferMs + split.computeOutputMs;
  return {
    oneClientMs,
    overheadMs: Math.max(0, oneClientMs - computeMs),
    overheadOver: "server's own compute time",
  };
}

/** One run, from the first question to the result. */
import { Latencies } from "../measure/latencies.ts";
import { judge, lostShare } from "../report/objectives.ts";
import { type Result, SCHEMA_ID } from "../report/schema.ts";
import { doActions } from "./actions.ts";
import { findCapacity } from "./capacity.ts";
import { mergeOrigins } from "./generator/origins.ts";
import { hostFacts, toolFacts } from "./host-facts.ts";
import { intendedOf } from "./intended.ts";
import type { RunSpec } from "./run-spec.ts";
import { type Observer, Runner } from "./runner.ts";
import type { Step } from "./step.ts";
import { findTarget } from "./target.ts";

/** @throws Error where the server or a model does not answer, or the scenario does not fit */
export async function run(spec: RunSpec, observer: Observer): Promise<Result> {
  const startedAt = new Date().toISOString();
  const host = hostFacts();
  const target = await findTarget(spec.driver, spec.address, spec.identity, spec.httpAddress);
  const streams = await spec.streams((name, version, who) =>
    (who === undefined ? target.control : target.controlAs(who)).model(name, version),
  );
  const runners = streams.map((stream) => new Runner(spec, target, stream, observer));
  const [first] = runners;
  if (first === undefined) throw new Error("a run without streams");
  const ceiling = spec.generator.ceiling ? await first.ceiling() : undefined;
  if (ceiling !== undefined) {
    const rate = Math.round(ceiling.perSecond).toLocaleString("en");
    observer.say(`this generator's ceiling: ${rate} ${ceiling.protocol} a second from one process`);
  }
  const { steps, main, more, judged } = await measure(spec, runners, observer);
  const step = steps[main];
  const runner = runners[spec.load.kind === "together" ? main : 0];
  if (step === undefined || runner === undefined) throw new Error("nothing was measured");
  const origins = mergeOrigins(steps.flatMap(({ overs }) => overs.map((over) => over.origins)));
  const reasons = judged.flatMap(({ point }) =>
    point.invalid.map((reason) => (judged.length > 1 ? `${point.label}: ${reason}` : reason)),
  );
  const { facts, version } = runner.stream;
  const analysed = await runner.stream.analyse?.(step, spec.warmupMs);
  const compared =
    spec.reference === undefined ? undefined : await runner.agreement(spec.reference, step);
  const result: Result = {
    schema: SCHEMA_ID,
    tool: toolFacts(),
    ...{ startedAt, host },
    finishedAt: new Date().toISOString(),
    scenario: {
      ...{ name: spec.about.name, title: spec.about.title, seed: spec.about.seed },
      ...{ scale: spec.about.scale, settings: { ...spec.about.settings } },
    },
    server: {
      url: target.url,
      protocol: { grpc: "gRPC", "grpc-stream": "gRPC streams", http: "HTTP" }[spec.driver],
      ...{ name: target.server.name, version: target.server.version },
      statistics: step.point.split !== undefined,
    },
    model: {
      ...{ name: facts.name, platform: facts.platform },
      version: version || (facts.versions.at(-1) ?? ""),
    },
    origins,
    emulated: origins.some(({ emulated }) => emulated),
    intended: intendedOf(step.requests.ns ?? new Float64Array()),
    ...(ceiling === undefined ? {} : { ceiling }),
    validity: { valid: reasons.length === 0, reasons },
    ...{ points: steps.map(({ point }) => point), main },
    objectives: [],
    ...more,
    ...stagesOf(runner, step),
    ...analysed,
    ...(compared === undefined ? {} : { agreement: compared.agreement }),
    notes: [
      ...spec.about.notes,
      ...(more.notes ?? []),
      ...(analysed?.notes ?? []),
      ...(compared?.notes ?? []),
    ],
  };
  target.control.close();
  return { ...result, objectives: judge(spec.objectives, result) };
}

/** Two-vendor mode: what makes the events, and what judges them. */
function stagesOf({ stream, target }: Runner, { requests, overs, point }: Step): Partial<Result> {
  const encoded = overs.flatMap(({ firstStage }) => (firstStage === undefined ? [] : [firstStage]));
  if (stream.relay === undefined || encoded.length === 0) return {};
  const first = new Latencies();
  for (const one of encoded) first.add(Latencies.decode(one));
  const both = Latencies.decode(point.service.histogram);
  const p99 = (latencies: Latencies) => latencies.quantileMs(0.99);
  return {
    stages: [
      {
        ...{ name: "events made", model: requests.pool[0]?.request.model ?? "", url: target.url },
        ...{ meanMs: first.meanMs, p99Ms: p99(first) },
      },
      {
        ...{ name: "made and judged", model: stream.relay.model, url: target.url },
        ...{ meanMs: both.meanMs, p99Ms: p99(both) },
      },
    ],
  };
}

interface AllMeasured {
  readonly steps: readonly Step[];
  /** Position of the one that the curves are about. */
  readonly main: number;
  readonly more: Partial<Result>;
  /** Those that must have been measured well for the run to be valid. */
  readonly judged: readonly Step[];
}

async function measure(
  { load, warmupMs, actions }: RunSpec,
  runners: readonly Runner[],
  observer: Observer,
): Promise<AllMeasured> {
  const [first] = runners;
  if (first === undefined) throw new Error("a run without streams");
  const steps: Step[] = [];
  const rest = { more: {}, judged: steps };
  switch (load.kind) {
    case "together": {
      const doing = doActions(
        actions,
        { warmupMs, durationMs: load.durationMs },
        first.target,
        observer,
      );
      steps.push(...(await Promise.all(runners.map((runner) => runner.own(load.durationMs)))));
      const notes = await doing();
      const decides = runners.findIndex(({ stream }) => stream.analyse !== undefined);
      const more = { notes: [...notes, ...unshown(runners, decides)], ...fairnessOf(steps) };
      return { ...rest, steps, main: Math.max(0, decides), more };
    }
    case "closed":
      for (const concurrency of load.concurrencies) {
        if (observer.signal.aborted && steps.length > 0) break;
        steps.push(await first.closed(concurrency, load));
      }
      return { ...rest, steps, main: lastGood(steps) };
    case "open":
      for (const rate of load.rates) {
        if (observer.signal.aborted && steps.length > 0) break;
        steps.push(await first.open(load.durationMs, rate));
      }
      return { ...rest, steps, main: lastGood(steps) };
    case "capacity": {
      const { steps, more, judged } = await findCapacity(first, load);
      return { steps, main: lastGood(steps), more, judged };
    }
  }
}

/** A result has one trigger: that of the first stream that decides. */
function unshown(runners: readonly Runner[], main: number): string[] {
  const others = runners.filter(
    ({ stream }, index) => index !== main && stream.threshold !== undefined,
  );
  if (others.length === 0) return [];
  const names = others.map(({ stream }) => stream.name).join(", ");
  const shown = runners[main]?.stream.name ?? "";
  return [`decisions and crossings are those of ${shown}; of ${names} only the answers are told`];
}

/** Jain's index of the shares of what was asked that was answered: 1 is fair, 1/n is one stream alone. */
function fairnessOf(steps: readonly Step[]): Pick<Result, "fairness"> | object {
  if (steps.length < 2) return {};
  const shares = steps.map(({ point }) => 1 - lostShare(point));
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return { fairness: squares === 0 ? 0 : (sum * sum) / (shares.length * squares) };
}

/** The last load that was measured well. */
function lastGood(steps: readonly Step[]): number {
  const good = steps.findLastIndex(({ point }) => point.invalid.length === 0);
  return good < 0 ? steps.length - 1 : good;
}

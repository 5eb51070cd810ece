/** One run, from the first question to the result. */
import { judge } from "../report/objectives.ts";
import { type Result, SCHEMA_ID } from "../report/schema.ts";
import { findCapacity } from "./capacity.ts";
import { mergeOrigins } from "./generator/origins.ts";
import { hostFacts, toolFacts } from "./host-facts.ts";
import { intendedOf } from "./intended.ts";
import type { Load, RunSpec } from "./run-spec.ts";
import { type Observer, Runner, type Step } from "./runner.ts";
import { findTarget } from "./target.ts";
import type { Workload } from "./workload.ts";

/** What is made of the answers of the main step, such as a trigger. */
export type Analysis = (
  step: Step,
  workload: Workload,
) => Promise<Partial<Result>> | Partial<Result>;

/** @throws Error where the server or its model does not answer, or the scenario does not fit it */
export async function run(spec: RunSpec, observer: Observer, analysis?: Analysis): Promise<Result> {
  const startedAt = new Date().toISOString();
  const host = hostFacts();
  const target = await findTarget(
    ...([spec.driver, spec.address, spec.identities[0] ?? [], spec.model] as const),
  );
  const workload = await spec.workload(target.model);
  const runner = new Runner(spec, target, workload, observer);
  const ceiling = spec.generator.ceiling ? await runner.ceiling() : undefined;
  if (ceiling !== undefined) {
    const rate = Math.round(ceiling.perSecond).toLocaleString("en");
    observer.say(`this generator's ceiling: ${rate} ${ceiling.protocol} a second from one process`);
  }
  const { steps, more } = await measure(runner, spec.load);
  const last = steps.at(-1);
  if (last === undefined) throw new Error("nothing was measured");
  const points = steps.map(({ point }) => point);
  const main = mainStep(steps);
  const mainPoint = steps[main] ?? last;
  const origins = mergeOrigins(mainPoint.overs.map((over) => over.origins));
  const reasons = [...new Set(points.flatMap(({ invalid }) => invalid))];
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
      statistics: mainPoint.point.split !== undefined,
    },
    model: {
      name: target.model.name,
      version: spec.model.version || (target.model.versions.at(-1) ?? ""),
      platform: target.model.platform,
    },
    origins,
    emulated: origins.some(({ emulated }) => emulated),
    intended: intendedOf(mainPoint.arrivals?.ns ?? new Float64Array()),
    ...(ceiling === undefined ? {} : { ceiling }),
    validity: { valid: reasons.length === 0, reasons },
    ...{ points, main },
    objectives: [],
    notes: [...spec.about.notes],
    ...more,
    ...(await analysis?.(mainPoint, workload)),
  };
  target.control.close();
  return { ...result, objectives: judge(spec.objectives, result) };
}

/** The curves are about the last load that was measured well. */
function mainStep(steps: readonly Step[]): number {
  const good = steps.findLastIndex(({ point }) => point.invalid.length === 0);
  return good < 0 ? steps.length - 1 : good;
}

async function measure(
  runner: Runner,
  load: Load,
): Promise<{ steps: Step[]; more: Partial<Result> }> {
  const steps: Step[] = [];
  switch (load.kind) {
    case "closed":
      for (const concurrency of load.concurrencies) {
        if (runner.aborted && steps.length > 0) break;
        steps.push(await runner.closed(concurrency, load));
      }
      return { steps, more: {} };
    case "open":
      for (const rate of load.rates) {
        if (runner.aborted && steps.length > 0) break;
        steps.push(await runner.open(load.durationMs, rate));
      }
      return { steps, more: {} };
    case "capacity":
      return findCapacity(runner, load);
  }
}

/** A scenario in words, as it is printed before a run and above a report. */

import { SLOT_MS } from "../arrivals/lhc/clock.ts";
import { spreadText } from "../arrivals/spread.ts";
import { describeTrigger } from "../trigger/trigger.ts";
import { streamArrivals } from "./plan-stream.ts";
import type { Scenario, Stream } from "./schema.ts";

/** One line a fact; those of a stream are indented. */
export function describeScenario(scenario: Scenario, scenarioFile?: string): string {
  const { title, durationS, warmupS, seed, budgetsMs, objectives, actions, note } = scenario;
  const several = scenario.streams.length > 1;
  return [
    `${scenario.name}: ${title}`,
    `scale: ${scaleOf(scenario, scenarioFile)}`,
    `${durationS} s after ${warmupS} s of warm-up; seed ${seed}`,
    ...scenario.streams.flatMap((stream) => streamLines(scenario, stream, several, scenarioFile)),
    ...(budgetsMs.length === 0 ? [] : [`budgets: ${budgetsMs.map((ms) => `${ms} ms`).join(", ")}`]),
    ...(objectives.length === 0 ? [] : [`objectives: ${objectives.join("; ")}`]),
    ...actions.map((action) => `after ${action.atS} s: ${action.do} ${action.what}`),
    ...(note === undefined ? [] : [`note: ${note.trim()}`]),
  ].join("\n");
}

/** What was sampled, dilated or packed: once for the streams that have it alike. */
export function scaleOf(scenario: Scenario, scenarioFile?: string): string {
  const streams = new Map<string, string[]>();
  for (const stream of scenario.streams) {
    const { scale } = streamArrivals(scenario, stream, scenarioFile);
    streams.set(scale, [...(streams.get(scale) ?? []), stream.name]);
  }
  const [only] = streams.keys();
  if (streams.size === 1) return only ?? "";
  return [...streams].map(([scale, names]) => `${names.join(", ")}: ${scale}`).join(" | ");
}

function streamLines(
  scenario: Scenario,
  stream: Stream,
  several: boolean,
  scenarioFile: string | undefined,
): string[] {
  const { model, version, tenant, trigger, name } = stream;
  const arrivals = streamArrivals(scenario, stream, scenarioFile);
  const who = tenant === "default" ? "" : ` for ${tenant}`;
  const slotMs = arrivals.lhc?.slotMs ?? SLOT_MS;
  return [
    `${several ? `${name}: ` : ""}model ${model}${version === "" ? "" : ` version ${version}`}${who}`,
    `  arrivals: ${arrivals.describe}`,
    `  requests: ${payloadText(stream)}`,
    ...(trigger === undefined ? [] : [`  trigger: ${describeTrigger(trigger, slotMs)}`]),
  ];
}

function payloadText({ payload, rows }: Stream): string {
  const graph = payload.kind === "physics" && payload.generator === "graph";
  const many = `${graph ? "particles" : "rows"} an event: ${spreadText(rows)}`;
  switch (payload.kind) {
    case "physics":
      return `generated ${payload.generator}, ${many}, ${payload.pool} distinct`;
    case "random":
      return `random values of the model's shapes, ${many}, ${payload.pool} distinct`;
    case "files":
      return `rows of ${payload.path}, ${many}`;
    case "recorded":
      return `as recorded in ${payload.file}`;
    case "generated":
      return `generated ${payload.from.generator} through model ${payload.by}, whose outputs are judged, ${many}`;
  }
}

/** What there is to choose from, for whoever may not wait: a file a turn of the event loop. */
import { findScenario, presetNames } from "./read-scenario.ts";

export interface PresetFacts {
  readonly name: string;
  readonly title: string;
  /** Of warm-up and measurement, s. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** That are asked. */
  readonly models: readonly string[];
}

export async function presetFacts(): Promise<readonly PresetFacts[]> {
  const facts: PresetFacts[] = [];
  for (const name of presetNames()) {
    await new Promise(setImmediate);
    const { title, durationS, warmupS, streams } = findScenario(name).scenario;
    const models = streams.flatMap(({ model, payload }) =>
      payload.kind === "generated" ? [payload.by, model] : [model],
    );
    facts.push({
      ...{ name, title },
      ...{ seconds: durationS, warmupSeconds: warmupS, models: [...new Set(models)] },
    });
  }
  return facts;
}

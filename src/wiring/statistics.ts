/** What `ModelStatistics` tells: of this gateway, or of all that share a Redis. */
import type { CountsEntry, SharedCounts } from "../shared-state/shared-counts.ts";
import type { ModelCounters } from "../telemetry/model-counters.ts";
import { type ModelStatistics, modelStatistics } from "../telemetry/statistics.ts";
import { sumStatistics } from "../telemetry/sum-statistics.ts";

export interface StatisticsParts {
  served(): Iterable<{ readonly name: string; readonly version: string }>;
  counters(model: string, version: string): ModelCounters;
  /** Present where several gateways tell the same. */
  readonly shared: Pick<SharedCounts, "of" | "asOfNow"> | undefined;
}

export function statisticsOf({ served, counters, shared }: StatisticsParts) {
  const own = (model: string, version: string) => modelStatistics(counters(model, version));
  if (shared === undefined) return { served, statistics: own };
  return {
    served,
    statistics(model: string, version: string): ModelStatistics {
      const texts = shared.of(nameOf(model, version));
      return texts === undefined
        ? own(model, version)
        : sumStatistics(model, version, texts.map(readStatistics));
    },
    asOfNow: () => shared.asOfNow(),
  };
}

/** Of versions that were asked for anything: the others add nothing. */
export function* countsOf(all: Iterable<ModelCounters>): Generator<CountsEntry> {
  for (const counters of all) {
    const { success, fail, executionCount, cacheMiss, responses } = counters;
    const ends = success.count + fail.count + cacheMiss.count;
    if (ends + executionCount === 0) continue;
    let answers = 0;
    for (const { computeInfer, cancel } of responses.values())
      answers += computeInfer.count + cancel.count;
    yield {
      name: nameOf(counters.model, counters.version),
      mark: `${ends} ${executionCount} ${answers}`,
      write: () => JSON.stringify(modelStatistics(counters)),
    };
  }
}

const nameOf = (model: string, version: string) => `${model}\n${version}`;

/** Another gateway wrote it, of another release perhaps. */
function readStatistics(text: string): Partial<ModelStatistics> {
  try {
    return Object(JSON.parse(text)) as Partial<ModelStatistics>;
  } catch {
    return {};
  }
}

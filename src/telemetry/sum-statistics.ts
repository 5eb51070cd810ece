/** `ModelStatistics` of one version at several gateways, added up. */
import type {
  BatchStatistics,
  ModelStatistics,
  ResponseStatistics,
  StatisticDuration,
} from "./statistics.ts";

/** @param all of the same version; what no number of ours is counts as 0. */
export function sumStatistics(
  name: string,
  version: string,
  all: readonly Partial<ModelStatistics>[],
): ModelStatistics {
  const inference = all.map((each) => each.inference_stats ?? {});
  const stage = (of: keyof ModelStatistics["inference_stats"]) =>
    sumDurations(inference.map((each: Partial<ModelStatistics["inference_stats"]>) => each[of]));
  return {
    name,
    version,
    last_inference: String(largest(all.map(({ last_inference }) => last_inference))),
    inference_count: sum(all.map(({ inference_count }) => inference_count)),
    execution_count: sum(all.map(({ execution_count }) => execution_count)),
    inference_stats: {
      success: stage("success"),
      fail: stage("fail"),
      queue: stage("queue"),
      compute_input: stage("compute_input"),
      compute_infer: stage("compute_infer"),
      compute_output: stage("compute_output"),
      cache_hit: stage("cache_hit"),
      cache_miss: stage("cache_miss"),
    },
    batch_stats: sumBatches(all.flatMap(({ batch_stats }) => batch_stats ?? [])),
    memory_usage: [],
    response_stats: sumResponses(all.map(({ response_stats }) => response_stats ?? {})),
  };
}

function sumBatches(all: readonly BatchStatistics[]): BatchStatistics[] {
  const bySize = grouped(all.map((batch) => [batch.batch_size, batch] as const));
  const sizes = [...bySize].toSorted(([left], [right]) => Number(left) - Number(right));
  return sizes.map(([batch_size, batches]) => ({
    batch_size,
    compute_input: sumDurations(batches.map(({ compute_input }) => compute_input)),
    compute_infer: sumDurations(batches.map(({ compute_infer }) => compute_infer)),
    compute_output: sumDurations(batches.map(({ compute_output }) => compute_output)),
  }));
}

function sumResponses(
  all: readonly Readonly<Record<string, ResponseStatistics>>[],
): Record<string, ResponseStatistics> {
  const byIndex = grouped(all.flatMap((each) => Object.entries(each)));
  return Object.fromEntries(
    [...byIndex].map(([index, responses]) => {
      const of = (kind: keyof ResponseStatistics) =>
        sumDurations(responses.map((response) => response[kind]));
      const [compute_infer, compute_output] = [of("compute_infer"), of("compute_output")];
      const [success, fail] = [of("success"), of("fail")];
      const [empty_response, cancel] = [of("empty_response"), of("cancel")];
      return [
        index,
        { compute_infer, compute_output, success, fail, empty_response, cancel },
      ] as const;
    }),
  );
}

function grouped<T>(entries: readonly (readonly [string, T])[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [key, value] of entries) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}

const sumDurations = (all: readonly (StatisticDuration | undefined)[]): StatisticDuration => ({
  count: sum(all.map((each) => each?.count)),
  ns: sum(all.map((each) => each?.ns)),
});

const sum = (all: readonly unknown[]) =>
  String(all.map(wholeOf).reduce((left, right) => left + right, 0n));

const largest = (all: readonly unknown[]) =>
  all.map(wholeOf).reduce((left, right) => (left > right ? left : right), 0n);

const wholeOf = (text: unknown): bigint =>
  typeof text === "string" && /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;

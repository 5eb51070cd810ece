/**
 * Counters as the `ModelStatistics` message: proto field names, 64-bit numbers
 * as decimal strings (what proto-loader takes and JSON keeps exact).
 */
import type { Duration, ModelCounters } from "./model-counters.ts";

export interface StatisticDuration {
  readonly count: string;
  readonly ns: string;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** ms since 1970. */
  readonly last_inference: string;
  readonly inference_count: string;
  readonly execution_count: string;
  readonly inference_stats: {
    readonly success: StatisticDuration;
    readonly fail: StatisticDuration;
    readonly queue: StatisticDuration;
    readonly compute_input: StatisticDuration;
    readonly compute_infer: StatisticDuration;
    readonly compute_output: StatisticDuration;
    readonly cache_hit: StatisticDuration;
    readonly cache_miss: StatisticDuration;
  };
  /** Ascending by batch size. */
  readonly batch_stats: readonly BatchStatistics[];
  readonly memory_usage: readonly never[];
  /** By index of the response; of decoupled models only. */
  readonly response_stats: Readonly<Record<string, ResponseStatistics>>;
}

export interface ResponseStatistics {
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
  readonly success: StatisticDuration;
  readonly fail: StatisticDuration;
  readonly empty_response: StatisticDuration;
  readonly cancel: StatisticDuration;
}

export interface BatchStatistics {
  readonly batch_size: string;
  readonly compute_input: StatisticDuration;
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
}

function written({ count, ns }: Duration): StatisticDuration {
  return { count: String(count), ns: String(ns.value) };
}

export function modelStatistics(counters: ModelCounters): ModelStatistics {
  const batches = [...counters.batches].toSorted(([left], [right]) => left - right);
  return {
    name: counters.model,
    version: counters.version,
    last_inference: String(Math.floor(counters.lastInferenceMs)),
    inference_count: String(counters.inferenceCount),
    execution_count: String(counters.executionCount),
    inference_stats: {
      success: written(counters.success),
      fail: written(counters.fail),
      queue: written(counters.queue),
      compute_input: written(counters.computeInput),
      compute_infer: written(counters.computeInfer),
      compute_output: written(counters.computeOutput),
      cache_hit: written(counters.cacheHit),
      cache_miss: written(counters.cacheMiss),
    },
    batch_stats: batches.map(([rows, batch]) => ({
      batch_size: String(rows),
      compute_input: written(batch.input),
      compute_infer: written(batch.infer),
      compute_output: written(batch.output),
    })),
    memory_usage: [],
    response_stats: Object.fromEntries(
      [...counters.responses].map(([index, response]) => [
        String(index),
        {
          compute_infer: written(response.computeInfer),
          compute_output: written(response.computeOutput),
          success: written(response.success),
          fail: written(response.fail),
          empty_response: written(response.emptyResponse),
          cancel: written(response.cancel),
        },
      ]),
    ),
  };
}

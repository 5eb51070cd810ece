/**
 * The catalogue of metrics per model version. Names and meanings are Triton's
 * where they begin with `nv_`, so that existing dashboards and autoscalers work.
 */
import type { ModelCounters } from "./model-counters.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A metric whose values are read when somebody asks for them. */
export interface ReadMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
  read(): Iterable<Sample>;
}

type Counters = () => Iterable<ModelCounters>;
const MODEL_LABELS = ["model", "version"] as const;

function perModel(
  type: ReadMetric["type"],
  name: string,
  help: string,
  value: (counters: ModelCounters) => number | undefined,
): (all: Counters) => ReadMetric {
  return (all) => ({
    name,
    help,
    type,
    labels: MODEL_LABELS,
    *read() {
      for (const counters of all()) {
        const read = value(counters);
        if (read === undefined) continue;
        yield { labels: { model: counters.model, version: counters.version }, value: read };
      }
    },
  });
}

const microseconds = (ns: bigint) => Number(ns / 1000n);

const CATALOGUE = [
  perModel(
    "counter",
    "nv_inference_request_success",
    "Number of successful inference requests",
    ({ success }) => success.count,
  ),
  perModel(
    "counter",
    "nv_inference_count",
    "Number of inferences performed: rows of successful requests",
    ({ inferenceCount }) => inferenceCount,
  ),
  perModel(
    "counter",
    "nv_inference_exec_count",
    "Number of batches executed",
    ({ executionCount }) => executionCount,
  ),
  perModel(
    "counter",
    "nv_inference_request_duration_us",
    "Time from the receipt of a request to its answer, summed over successful requests, µs",
    ({ success }) => microseconds(success.ns.value),
  ),
  perModel(
    "counter",
    "nv_inference_queue_duration_us",
    "Time requests waited for their batch, summed, µs",
    ({ queue }) => microseconds(queue.ns.value),
  ),
  perModel(
    "counter",
    "nv_inference_compute_input_duration_us",
    "Time spent on handing inputs to the model, summed over requests, µs",
    ({ computeInput }) => microseconds(computeInput.ns.value),
  ),
  perModel(
    "counter",
    "nv_inference_compute_infer_duration_us",
    "Time spent executing the model, summed over requests, µs",
    ({ computeInfer }) => microseconds(computeInfer.ns.value),
  ),
  perModel(
    "counter",
    "nv_inference_compute_output_duration_us",
    "Time spent on taking outputs from the model, summed over requests, µs",
    ({ computeOutput }) => microseconds(computeOutput.ns.value),
  ),
  perModel(
    "counter",
    "nv_cache_num_hits_per_model",
    "Number of requests that the response cache answered",
    ({ cached, cacheHit }) => (cached ? cacheHit.count : undefined),
  ),
  perModel(
    "counter",
    "nv_cache_num_misses_per_model",
    "Number of requests that the response cache had no answer for",
    ({ cached, cacheMiss }) => (cached ? cacheMiss.count : undefined),
  ),
  perModel(
    "counter",
    "nv_cache_hit_duration_per_model",
    "Time the response cache took to find answers, summed, µs",
    ({ cached, cacheHit }) => (cached ? microseconds(cacheHit.ns.value) : undefined),
  ),
  perModel(
    "counter",
    "nv_cache_miss_duration_per_model",
    "Time the response cache took to look in vain and to keep the answer, summed, µs",
    ({ cached, cacheMiss }) => (cached ? microseconds(cacheMiss.ns.value) : undefined),
  ),
  perModel(
    "gauge",
    "nv_inference_pending_request_count",
    "Requests accepted and waiting for execution",
    ({ pending }) => pending,
  ),
  perModel(
    "gauge",
    "nv_model_load_duration_secs",
    "Time the last load of the version took, s",
    ({ loadSeconds }) => loadSeconds,
  ),
  perModel(
    "gauge",
    "beamgate_model_batch_invariant",
    "1 where a row gave the same bits alone and inside batches when the model was loaded, else 0",
    ({ batchInvariant }) => (batchInvariant === undefined ? undefined : Number(batchInvariant)),
  ),
];

const failures = (all: Counters): ReadMetric => ({
  name: "nv_inference_request_failure",
  help: "Number of failed inference requests, by reason",
  type: "counter",
  labels: [...MODEL_LABELS, "reason"],
  *read() {
    for (const { model, version, failures: byReason } of all()) {
      for (const [reason, value] of Object.entries(byReason)) {
        yield { labels: { model, version, reason }, value };
      }
    }
  },
});

const lostBatches = (all: Counters): ReadMetric => ({
  name: "beamgate_lost_batches",
  help: "Batches whose worker died, while it executed them or while they waited in it",
  type: "counter",
  labels: [...MODEL_LABELS, "phase"],
  *read() {
    for (const { model, version, lostExecuting, lostWaiting } of all()) {
      yield { labels: { model, version, phase: "executing" }, value: lostExecuting };
      yield { labels: { model, version, phase: "waiting" }, value: lostWaiting };
    }
  },
});

export function modelMetrics(all: Counters): ReadMetric[] {
  return [...CATALOGUE.map((metric) => metric(all)), failures(all), lostBatches(all)];
}

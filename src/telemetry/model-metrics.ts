/**
 * The catalogue of metrics per model version. Names and meanings are Triton's
 * where they begin with `nv_`, so that existing dashboards and autoscalers work.
 */
import type { ReadMetric } from "./exposition/families.ts";
import type { Labels } from "./exposition/label-text.ts";
import type { ModelCounters } from "./model-counters.ts";

export type { ReadMetric, Sample } from "./exposition/families.ts";

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
        yield { labels: counters.labels, value: read };
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

const PHASES = ["executing", "waiting"] as const;
/** By labels of the model, and the name of the label more. */
const widened = new WeakMap<Labels, Map<string, readonly Labels[]>>();

/** The labels with one more, for each of its values: the same objects each time. */
function labelsWith(labels: Labels, name: string, values: readonly string[]): readonly Labels[] {
  let byName = widened.get(labels);
  if (byName === undefined) {
    byName = new Map();
    widened.set(labels, byName);
  }
  let made = byName.get(name);
  if (made === undefined) {
    made = values.map((value) => ({ ...labels, [name]: value }));
    byName.set(name, made);
  }
  return made;
}

const failures = (all: Counters): ReadMetric => ({
  name: "nv_inference_request_failure",
  help: "Number of failed inference requests, by reason",
  type: "counter",
  labels: [...MODEL_LABELS, "reason"],
  *read() {
    for (const { labels, failures: byReason } of all()) {
      const more = labelsWith(labels, "reason", Object.keys(byReason));
      for (const [at, value] of Object.values(byReason).entries()) {
        yield { labels: more[at] ?? labels, value };
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
    for (const { labels, lostExecuting, lostWaiting } of all()) {
      const [executing = labels, waiting = labels] = labelsWith(labels, "phase", PHASES);
      yield { labels: executing, value: lostExecuting };
      yield { labels: waiting, value: lostWaiting };
    }
  },
});

export function modelMetrics(all: Counters): ReadMetric[] {
  return [...CATALOGUE.map((metric) => metric(all)), failures(all), lostBatches(all)];
}

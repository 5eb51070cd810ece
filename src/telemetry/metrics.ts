/**
 * What Prometheus reads. Nothing here runs per request: every metric is read
 * from plain counters at the moment somebody asks.
 */
import type { Metric } from "prom-client";
import type { ReadHistogram, ReadMetric } from "./exposition/families.ts";
import { CONTENT_TYPES, formatFor } from "./exposition/format.ts";
import { page } from "./exposition/page.ts";
import type { ModelCounters } from "./model-counters.ts";
import { modelMetrics } from "./model-metrics.ts";
import { processMetrics } from "./process-metrics.ts";

export interface MetricsOptions {
  /** Every model version with counters. */
  readonly models: () => Iterable<ModelCounters>;
  /** Metrics of other rooms (`beamgate_grpc_*`, ...). */
  readonly others?: readonly ReadMetric[];
  /** Of the stages of requests. */
  readonly histograms?: readonly ReadHistogram[];
  /** Whether durations are told as sums; default: they are. */
  readonly counterLatencies?: boolean;
  /** Durations in other forms (`latency-metrics.ts`). */
  readonly latencies?: readonly Metric[];
}

export interface MetricsPage {
  readonly contentType: string;
  /** The page in pieces; between two of them the event loop turns. Read once. */
  readonly pieces: AsyncIterable<string>;
}

export interface Metrics {
  /** @param accept which formats the scraper takes, as its header says it */
  page(accept?: string): MetricsPage;
}

export function createMetrics({
  models,
  others = [],
  histograms = [],
  counterLatencies = true,
  latencies = [],
}: MetricsOptions): Metrics {
  const told = ({ name }: ReadMetric) => counterLatencies || !DURATION.test(name);
  const metrics = [...modelMetrics(models), ...others].filter(told);
  const process = processMetrics();
  const parts = {
    metrics: [...metrics, ...histograms, ...process.metrics, ...process.histograms],
    kept: latencies,
  };
  return {
    page(accept) {
      const format = formatFor(accept);
      return { contentType: CONTENT_TYPES[format], pieces: page(parts, format) };
    },
  };
}

/** What `counter_latencies=false` switches off. */
const DURATION = /^nv_inference_\w+_duration_us$/;

/**
 * What Prometheus reads. Nothing here runs per request: every metric is read
 * from plain counters at the moment somebody asks.
 */
import { setImmediate } from "node:timers/promises";
import { collectDefaultMetrics, Gauge, type Metric, Registry } from "prom-client";
import type { ModelCounters } from "./model-counters.ts";
import { modelMetrics, type ReadMetric, type Sample } from "./model-metrics.ts";

export interface MetricsOptions {
  /** Every model version with counters. */
  readonly models: () => Iterable<ModelCounters>;
  /** Metrics of other rooms (`beamgate_grpc_*`, ...). */
  readonly others?: readonly ReadMetric[];
  /** Whether durations are told as sums; default: they are. */
  readonly counterLatencies?: boolean;
  /** Durations in other forms (`latency-metrics.ts`). */
  readonly latencies?: readonly Metric[];
}

export interface Metrics {
  readonly contentType: string;
  /** The text format of Prometheus. */
  render(): Promise<string>;
}

export function createMetrics({
  models,
  others = [],
  counterLatencies = true,
  latencies = [],
}: MetricsOptions): Metrics {
  const registry = new Registry();
  for (const metric of latencies) registry.registerMetric(metric);
  for (const metric of [...modelMetrics(models), ...others]) {
    const { name, help, type } = metric;
    if (!counterLatencies && DURATION.test(name)) continue;
    registry.registerMetric(new ReadThrough(name, help, type, () => metric.read()));
  }
  const queueTimes = () => [...models()].flatMap(queueSamples);
  registry.registerMetric(new ReadThrough(QUEUE_METRIC, QUEUE_HELP, "histogram", queueTimes));
  collectDefaultMetrics({ register: registry });
  return { contentType: registry.contentType, render: () => render(registry) };
}

/** What `counter_latencies=false` switches off. */
const DURATION = /^nv_inference_\w+_duration_us$/;

/** Lets requests pass between two metrics: a scrape of 100 models takes tens of ms. */
async function render(registry: Registry): Promise<string> {
  const parts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    parts.push(await registry.getSingleMetricAsString(name));
    await setImmediate();
  }
  return `${parts.join("\n\n")}\n`;
}

/** A metric of prom-client that keeps nothing: its samples are read when it is rendered. */
class ReadThrough extends Gauge {
  readonly #frame: object;
  readonly #read: () => Iterable<Sample>;

  constructor(name: string, help: string, type: string, read: () => Iterable<Sample>) {
    super({ name, help, registers: [] });
    this.#frame = { name, help, type };
    this.#read = read;
  }

  /** What the registry renders, although prom-client's types do not mention it. */
  async getForPromString() {
    return { ...this.#frame, values: [...this.#read()] };
  }
}

const QUEUE_METRIC = "beamgate_queue_seconds";
const QUEUE_HELP = "Time successful requests waited for their batch, s";

function queueSamples({ model, version, queueSeconds }: ModelCounters) {
  const labels = { model, version };
  const cumulative = queueSeconds.cumulative();
  const total = cumulative.at(-1) ?? 0;
  const sample = (suffix: string, value: number, le?: string) => ({
    metricName: `${QUEUE_METRIC}_${suffix}`,
    labels: le === undefined ? labels : { ...labels, le },
    value,
  });
  return [
    ...queueSeconds.bounds.map((bound, i) => sample("bucket", cumulative[i] ?? 0, String(bound))),
    sample("bucket", total, "+Inf"),
    sample("sum", queueSeconds.sum),
    sample("count", total),
  ];
}

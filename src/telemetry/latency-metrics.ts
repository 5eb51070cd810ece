/**
 * Latencies as quantiles and as a histogram, for who switches them on
 * (`--metrics-config summary_latencies=true`, `histogram_latencies=true`): unlike
 * the sums, they cost something on every request.
 */
import { Histogram, type Metric, Summary } from "prom-client";
import type { Account, RequestOutcome } from "../inference/outcome.ts";

export interface LatencyOptions {
  readonly summaryLatencies: boolean;
  readonly histogramLatencies: boolean;
  /** `<quantile>:<error>`; the error is not needed by the sketch that is used. */
  readonly summaryQuantiles: readonly string[];
}

const LABELS = ["model", "version"] as const;
/** Triton's, ms. */
const BOUNDS_MS = [100, 500, 2000, 5000];
/** Quantiles are of the last minute, in steps of 12 s. */
const WINDOW = { maxAgeSeconds: 60, ageBuckets: 5 };

type Labels = { readonly model: string; readonly version: string };
type Observe = (outcome: RequestOutcome, labels: Labels) => void;

export interface Latencies {
  readonly metrics: readonly Metric[];
  /** Observes what it passes on; `account` itself where nothing is switched on. */
  watching(account: Account): Account;
}

export function latencies(options: LatencyOptions): Latencies {
  const families = [
    ...(options.summaryLatencies ? summaries(options.summaryQuantiles) : []),
    ...(options.histogramLatencies ? [firstResponse()] : []),
  ];
  return {
    metrics: families.map(({ metric }) => metric),
    watching(account) {
      if (families.length === 0) return account;
      return {
        request(outcome) {
          account.request(outcome);
          if (outcome.failure !== undefined) return;
          const labels = { model: outcome.signature.name, version: outcome.signature.version };
          for (let left = outcome.requests ?? 1; left > 0; left--) {
            for (const { observe } of families) observe(outcome, labels);
          }
        },
        execution: (outcome) => account.execution(outcome),
        response: (outcome) => account.response(outcome),
        cacheMiss: (signature, tookUs) => account.cacheMiss(signature, tookUs),
        lost: (signature, executing) => account.lost(signature, executing),
        pending: (signature, delta) => account.pending(signature, delta),
      };
    },
  };
}

interface Family {
  readonly metric: Metric;
  readonly observe: Observe;
}

const US_PER_MS = 1000;

function summaries(quantiles: readonly string[]): Family[] {
  const percentiles = quantiles.map((written) => Number.parseFloat(written));
  const summary = (
    what: string,
    help: string,
    us: (outcome: RequestOutcome) => number | undefined,
  ) => {
    const metric = new Summary({
      name: `nv_inference_${what}_summary_us`,
      help: `Summary of ${help} in microseconds`,
      labelNames: LABELS,
      percentiles,
      ...WINDOW,
      registers: [],
    });
    const observe: Observe = (outcome, labels) => {
      const value = us(outcome);
      if (value !== undefined) metric.observe(labels, Math.max(0, value));
    };
    return { metric, observe };
  };
  return [
    summary(
      "request",
      "end-to-end request handling times",
      ({ timeline: { received, answered } }) => (answered - received) * US_PER_MS,
    ),
    summary("queue", "times in the queue", ({ timeline: { queued, dispatched } }) =>
      dispatched > 0 ? (dispatched - queued) * US_PER_MS : 0,
    ),
    summary("compute_input", "times of handing inputs to the model", ({ execution }) => {
      return execution?.inputUs;
    }),
    summary("compute_infer", "times of executing the model", ({ execution }) => execution?.inferUs),
    summary("compute_output", "times of taking outputs from the model", ({ execution }) => {
      return execution?.outputUs;
    }),
  ];
}

/** Of models with one response a request: of others the end of a request is not its first response. */
function firstResponse(): Family {
  const metric = new Histogram({
    name: "nv_inference_first_response_histogram_ms",
    help: "Duration from request to first response in milliseconds",
    labelNames: LABELS,
    buckets: BOUNDS_MS,
    registers: [],
  });
  return {
    metric,
    observe: ({ signature, timeline: { received, answered } }, labels) => {
      if (!signature.decoupled) metric.observe(labels, answered - received);
    },
  };
}

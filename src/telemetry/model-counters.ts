/** What is counted for one version of one model: plain numbers, written on every request. */
import type { FailureReason } from "../inference/outcome.ts";
import { Total } from "./total.ts";

/** How often something happened and how long it took in all. */
export class Duration {
  count = 0;
  readonly ns = new Total();

  /** @param times how often */
  add(durationNs: number, times = 1): void {
    this.count += times;
    this.ns.add(durationNs * times);
  }
}

/** Executions of one batch size. */
export class BatchCounters {
  readonly input = new Duration();
  readonly infer = new Duration();
  readonly output = new Duration();
}

/** What became of the responses with one index (0: the first of each request). */
export class ResponseCounters {
  readonly computeInfer = new Duration();
  readonly computeOutput = new Duration();
  readonly success = new Duration();
  readonly fail = new Duration();
  readonly emptyResponse = new Duration();
  readonly cancel = new Duration();
}

export class ModelCounters {
  readonly model: string;
  readonly version: string;
  readonly labels: { readonly model: string; readonly version: string };

  readonly success = new Duration();
  readonly fail = new Duration();
  readonly failures: Record<FailureReason, number> = {
    REJECTED: 0,
    CANCELED: 0,
    BACKEND: 0,
    OTHER: 0,
  };
  /** Of successful requests; each is charged the time of its whole batch, as in Triton. */
  readonly queue = new Duration();
  readonly computeInput = new Duration();
  readonly computeInfer = new Duration();
  readonly computeOutput = new Duration();

  /** Has a response cache. */
  cached = false;
  readonly cacheHit = new Duration();
  readonly cacheMiss = new Duration();

  /** Rows of successful requests that were executed. */
  inferenceCount = 0;
  executionCount = 0;
  /** By rows of the executed batch. */
  readonly batches = new Map<number, BatchCounters>();
  /** Of decoupled models, by index of the response. */
  readonly responses = new Map<number, ResponseCounters>();
  /** Batches whose worker died: while executing them, and while they waited behind another. */
  lostExecuting = 0;
  lostWaiting = 0;
  /** Wall clock, ms since 1970; 0: never. */
  lastInferenceMs = 0;

  /** Accepted and not yet dispatched. */
  pending = 0;

  /** Of the last load; undefined before the first one. */
  loadSeconds: number | undefined;
  /** What the probe at load found; undefined: no batch axis, or not tried. */
  batchInvariant: boolean | undefined;

  constructor(model: string, version: string) {
    this.model = model;
    this.version = version;
    this.labels = { model, version };
  }
}

/**
 * The end of a request's life: its timeline becomes counts, once. Plain numbers
 * only; `statistics.ts` and `metrics.ts` read them when somebody asks.
 */
import type {
  Account,
  ExecutionOutcome,
  RequestOutcome,
  ResponseOutcome,
} from "../inference/outcome.ts";
import type { ModelSignature, TraceContext } from "../inference/request.ts";
import { BatchCounters, ModelCounters, ResponseCounters } from "./model-counters.ts";
import type { EndedRequest } from "./spans.ts";
import type { StageTimes } from "./stage-times.ts";

/** What a finished load tells about a version. */
export interface LoadFacts {
  readonly loadSeconds: number;
  readonly batchInvariant: boolean | undefined;
}

const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;

/** From one stamp to a later one, ns; 0 where a stage was not reached. */
function between(startMs: number, endMs: number): number {
  return startMs > 0 && endMs > startMs ? (endMs - startMs) * NS_PER_MS : 0;
}

export class ModelAccount implements Account {
  /** Outlives unloads and reloads: counters of a version never go backwards. */
  readonly #counters = new Map<string, Map<string, ModelCounters>>();
  /** The same without hashing names, for the hot path. */
  readonly #bySignature = new WeakMap<ModelSignature, ModelCounters>();
  readonly #wallMs: () => number;
  /** `Clock.now` ms at which the last requests were answered, and ms since 1970 then: those of a batch are at one time. */
  #answeredAt = Number.NaN;
  #answeredWallMs = 0;

  /** undefined: their durations are not told. */
  readonly stages: StageTimes | undefined;
  /** Told of requests that were not answered as asked. */
  onFailure: ((outcome: RequestOutcome) => void) | undefined;
  /** Told of every request that is over. */
  onEnd: ((outcome: RequestOutcome) => void) | undefined;
  /** Told of requests that are traced, whatever became of them. */
  onTraced: ((trace: TraceContext, ended: EndedRequest) => void) | undefined;

  /** @param wallMs ms since 1970, for `last_inference`. */
  constructor(wallMs: () => number = Date.now, stages?: StageTimes) {
    this.#wallMs = wallMs;
    this.stages = stages;
  }

  /** Counters of a version; new ones, all zero, where nothing was counted yet. */
  counters(model: string, version: string): ModelCounters {
    let versions = this.#counters.get(model);
    if (versions === undefined) {
      versions = new Map();
      this.#counters.set(model, versions);
    }
    let counters = versions.get(version);
    if (counters === undefined) {
      counters = new ModelCounters(model, version);
      versions.set(version, counters);
    }
    return counters;
  }

  /** Every version that was ever loaded or asked for. */
  *all(): Generator<ModelCounters> {
    for (const versions of this.#counters.values()) yield* versions.values();
  }

  /** From here on the version shows up in the metrics, with zeros. */
  loaded(signature: ModelSignature, facts: LoadFacts): void {
    const counters = this.#of(signature);
    counters.loadSeconds = facts.loadSeconds;
    counters.batchInvariant = facts.batchInvariant;
  }

  /** The version answers from the cache. */
  cached(signature: ModelSignature): void {
    this.#of(signature).cached = true;
  }

  request(outcome: RequestOutcome): void {
    this.onEnd?.(outcome);
    this.#count(outcome);
    const { trace } = outcome;
    if (trace === undefined) return;
    // Some of it, and not the outcome itself: what goes nowhere need not be made at all once this is compiled, for no
    // request; what is handed on by one in a hundred is made for all of them.
    const { signature, rows, timeline, failure, execution, batchRows, cache, variant } = outcome;
    const ended = { signature, rows, timeline, failure, execution, batchRows, cache, variant };
    this.onTraced?.(trace, ended);
  }

  #count(outcome: RequestOutcome): void {
    const { signature, rows, requests = 1, timeline, failure, execution, cache } = outcome;
    const counters = this.#of(signature);
    const wholeNs = between(timeline.received, timeline.answered);
    if (failure !== undefined) {
      counters.fail.add(wholeNs, requests);
      counters.failures[failure] += requests;
      this.onFailure?.(outcome);
      return;
    }
    const queueNs = between(timeline.queued, timeline.dispatched);
    counters.success.add(wholeNs, requests);
    counters.queue.add(queueNs, requests);
    this.stages?.observe(outcome);
    if (execution !== undefined) {
      counters.computeInput.add(execution.inputUs * NS_PER_US, requests);
      counters.computeInfer.add(execution.inferUs * NS_PER_US, requests);
      counters.computeOutput.add(execution.outputUs * NS_PER_US, requests);
    }
    if (cache?.hit) counters.cacheHit.add(cache.tookUs * NS_PER_US);
    else counters.inferenceCount += rows;
    if (timeline.answered !== this.#answeredAt) {
      this.#answeredAt = timeline.answered;
      this.#answeredWallMs = this.#wallMs();
    }
    counters.lastInferenceMs = Math.max(counters.lastInferenceMs, this.#answeredWallMs);
  }

  execution({ signature, rows, timing }: ExecutionOutcome): void {
    const counters = this.#of(signature);
    counters.executionCount++;
    let batch = counters.batches.get(rows);
    if (batch === undefined) {
      batch = new BatchCounters();
      counters.batches.set(rows, batch);
    }
    batch.input.add(timing.inputUs * NS_PER_US);
    batch.infer.add(timing.inferUs * NS_PER_US);
    batch.output.add(timing.outputUs * NS_PER_US);
  }

  response({ signature, index, kind, inferUs, outputUs }: ResponseOutcome): void {
    const { responses } = this.#of(signature);
    let counters = responses.get(index);
    if (counters === undefined) {
      counters = new ResponseCounters();
      responses.set(index, counters);
    }
    const inferNs = inferUs * NS_PER_US;
    const outputNs = outputUs * NS_PER_US;
    if (kind === "cancel") {
      counters.cancel.add(inferNs);
      return;
    }
    counters.computeInfer.add(inferNs);
    if (kind === "empty") {
      counters.emptyResponse.add(inferNs);
      return;
    }
    counters.computeOutput.add(outputNs);
    counters[kind].add(inferNs + outputNs);
  }

  cacheMiss(signature: ModelSignature, tookUs: number): void {
    this.#of(signature).cacheMiss.add(tookUs * NS_PER_US);
  }

  lost(signature: ModelSignature, executing: boolean): void {
    const counters = this.#of(signature);
    if (executing) counters.lostExecuting++;
    else counters.lostWaiting++;
  }

  pending(signature: ModelSignature, delta: number): void {
    this.#of(signature).pending += delta;
  }

  #of(signature: ModelSignature): ModelCounters {
    let counters = this.#bySignature.get(signature);
    if (counters === undefined) {
      counters = this.counters(signature.name, signature.version);
      this.#bySignature.set(signature, counters);
    }
    return counters;
  }
}

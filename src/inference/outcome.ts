/** What is left to count when a request or an execution is over. `telemetry` alone reads it. */
import type { Device } from "../../backends/contract.ts";
import type { Caller } from "./caller.ts";
import type { InferRequest, ModelSignature, TraceContext } from "./request.ts";
import type { ExecutionTiming, Timeline } from "./timeline.ts";

export type { ExecutionTiming } from "./timeline.ts";

/** Reasons as Triton labels `nv_inference_request_failure`. */
export type FailureReason = "REJECTED" | "CANCELED" | "BACKEND" | "OTHER";

export interface RequestOutcome {
  readonly signature: ModelSignature;
  readonly rows: number;
  /** Requests of a client that it stands for, where more than one (`InferRequest.bundled`). */
  readonly requests?: number | undefined;
  readonly timeline: Timeline;
  /** undefined: answered as asked. */
  readonly failure: FailureReason | undefined;
  /** The execution that served it; undefined when none did. Times are the whole batch's, µs. */
  readonly execution: ExecutionTiming | undefined;
  /** Present where the model has a response cache: whether it answered, and how long it looked, µs. */
  readonly cache?: { readonly hit: boolean; readonly tookUs: number } | undefined;
  /** Of the call, where it is traced. */
  readonly trace?: TraceContext | undefined;
  /** Who asked; absent: `ANYBODY`. */
  readonly caller?: Caller | undefined;
  /** True for what the gateway asks on behalf of another request, such as a step of an ensemble. */
  readonly onBehalf?: boolean | undefined;
  /** What was asked; its data may be gone once the account was told. */
  readonly request?: InferRequest | undefined;
  /** Of the tensors it was answered with; absent: none. */
  readonly bytesOut?: number | undefined;
  /** Rows of the batch it was executed in, fillings of empty slots left out; absent: no device had it. */
  readonly batchRows?: number | undefined;
  /** What executed it, and as which variant of several. */
  readonly device?: Device | undefined;
  readonly variant?: string | undefined;
}

/** One response of a decoupled model, or of a request that failed, for `response_stats`. */
export interface ResponseOutcome {
  readonly signature: ModelSignature;
  /** 0 for the first response to its request. */
  readonly index: number;
  readonly kind: "success" | "fail" | "empty" | "cancel";
  readonly inferUs: number;
  readonly outputUs: number;
}

export interface ExecutionOutcome {
  readonly signature: ModelSignature;
  /** Rows of the whole batch. */
  readonly rows: number;
  readonly timing: ExecutionTiming;
}

/** Where the scheduler reports; called once per request and once per execution. Never throws. */
export interface Account {
  request(outcome: RequestOutcome): void;
  execution(outcome: ExecutionOutcome): void;
  /** Called for every response of a decoupled model. */
  response(outcome: ResponseOutcome): void;
  /** The response cache had no answer: the time it looked, and kept the one that was made, µs. */
  cacheMiss(signature: ModelSignature, tookUs: number): void;
  /** A worker died with a batch of this model: while executing it, or while the batch waited behind another. */
  lost(signature: ModelSignature, executing: boolean): void;
  /** Requests accepted and not yet dispatched changed by `delta`. */
  pending(signature: ModelSignature, delta: number): void;
}

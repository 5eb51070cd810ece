/**
 * An inference request as data. `WireRequest` is what a transport decoded and
 * nobody has checked yet; `InferRequest` is what validation made of it: right
 * for its model, ready to wait for a batch. Both hold views of what the network
 * delivered: nothing is copied before the batch is written into a worker's room.
 */
import type { Datatype, TensorSpec } from "../../backends/contract.ts";
import type { StatusError } from "../errors.ts";
import type { Timeline } from "./timeline.ts";

/** Bytes in the pieces in which they arrived, in order; usually one piece. */
export interface Pieces {
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
}

/** A request or tensor parameter. `bigint` where an int64/uint64 leaves ±2^53. */
export type Parameter =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "int64" | "uint64"; readonly value: number | bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "string"; readonly value: string };
export type Parameters = ReadonlyMap<string, Parameter>;

export interface WireInput {
  readonly name: string;
  /** As the client spelt it. */
  readonly datatype: string;
  /** A dimension beyond ±2^53 is clamped to ±Number.MAX_SAFE_INTEGER: it fits no bytes anyway. */
  readonly shape: readonly number[];
  readonly parameters: Parameters | undefined;
  /** Typed `contents` come already turned into raw bytes. Undefined: the request has no data for it. */
  readonly data: Pieces | undefined;
}

export interface WireOutput {
  readonly name: string;
  readonly parameters: Parameters | undefined;
}

export interface WireRequest {
  readonly model: string;
  /** Empty for "the newest ready one". */
  readonly version: string;
  /** The client's id, echoed back; may be empty. */
  readonly id: string;
  readonly parameters: Parameters | undefined;
  readonly inputs: readonly WireInput[];
  /** Empty: all outputs. */
  readonly outputs: readonly WireOutput[];
  /**
   * What the front-end found wrong while turning the wire's form of the tensors
   * into raw bytes. Triton reports it after the model was found and the
   * parameters were read, so it travels until then.
   */
  readonly dataError: StatusError | undefined;
}

/** What a model version takes and gives, as the checks and the batcher need it. */
export interface ModelSignature {
  readonly name: string;
  readonly version: string;
  /** 0: no batch axis. */
  readonly maxBatchSize: number;
  /** In the configuration's order. Shapes without the batch axis when `maxBatchSize` > 0. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly decoupled: boolean;
  /** Rows of this model are never put into a batch with rows of another request. */
  readonly reproducible: boolean;
}

/** One input of a checked request. */
export interface InputTensor {
  /** Position in `ModelSignature.inputs`. */
  readonly index: number;
  readonly datatype: Datatype;
  /** Full shape, batch axis included. */
  readonly shape: readonly number[];
  readonly data: Pieces;
}

/** A request that fits its model. */
export interface InferRequest {
  readonly id: string;
  readonly signature: ModelSignature;
  /** In the order of the signature; optional ones may be missing. */
  readonly inputs: readonly InputTensor[];
  /** Positions in `ModelSignature.outputs`, in the order in which the client named them (all: the signature's order). */
  readonly outputs: readonly number[];
  /** Rows along the batch axis; 1 for a model without one. */
  readonly rows: number;
  /**
   * Requests with equal keys may share a batch: shapes beyond the batch axis
   * and the set of inputs present, as a string; empty where the model has no freedom.
   */
  readonly batchKey: string;
  /** Never batched with others. */
  readonly alone: boolean;
  /** 0 = the model's default level; 1 = highest. */
  readonly priority: number;
  /** `timeout` parameter in µs; 0 = none. */
  readonly timeoutUs: number;
}

/** One output on its way back. `data` is valid only during the call that delivers it. */
export interface OutputTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly outputs: readonly OutputTensor[];
}

/**
 * One request in the gateway, from the transport's point of view: whom to
 * answer, until when, and whether anybody still listens. The scheduler calls
 * exactly one of: `respond` with `final` true, or `fail`.
 */
export interface InferCall {
  readonly timeline: Timeline;
  /** Monotonic ms after which nobody waits for the answer; Infinity for none. */
  readonly deadline: number;
  /** Bytes held for this request; given back by whoever ends the call. */
  respond(response: InferResponse, final: boolean): void;
  fail(error: StatusError): void;
  /**
   * True once the client hung up or the deadline passed. A queued request of
   * such a call leaves the queue and is never executed.
   */
  readonly cancelled: boolean;
  /** Set by whoever holds the request; called once when `cancelled` turns true. */
  onCancel: (() => void) | undefined;
}

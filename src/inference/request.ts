/**
 * An inference request as data. `WireRequest` is what a transport decoded and
 * nobody has checked yet; `InferRequest` is what validation made of it: right
 * for its model, ready to wait for a batch. Both hold views of what the network
 * delivered: nothing is copied before the batch is written into a worker's room.
 */
import type { Datatype, TensorSpec } from "../../backends/contract.ts";
import type { StatusError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { MadeInput } from "./made-inputs.ts";
import type { Parameters } from "./parameters.ts";
import type { ByteSource, ClientConnection, SharedBytes, SharedRange } from "./shared-regions.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";

export type { Parameter, Parameters } from "./parameters.ts";

/** Bytes in the pieces in which they arrived, in order; usually one piece. */
export interface Pieces {
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
  /** In place of `pieces`: the bytes lie elsewhere, and are read when they are copied. */
  readonly source?: ByteSource;
}

export interface WireInput {
  readonly name: string;
  /** As the client spelt it. */
  readonly datatype: string;
  /** A dimension beyond ±2^53 is clamped to ±Number.MAX_SAFE_INTEGER: it fits no bytes anyway. */
  readonly shape: readonly number[];
  readonly parameters: Parameters | undefined;
  /** Typed `contents` come already turned into raw bytes. Undefined: the request has no data for it. */
  readonly data: Pieces | undefined;
  /** Where its bytes lie instead, in memory shared with the client. */
  readonly shared?: SharedRange | undefined;
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
  /** Requests of a client that this one stands for; absent: one. */
  readonly bundled?: number;
  /** Their ids; `id` is empty then. */
  readonly bundledIds?: readonly string[];
}

/** A tensor as clients send or get it. */
export interface ClientTensorSpec extends TensorSpec {
  /** Shape without the batch axis in which the model itself has it (`reshape`); -1 stand for those of `shape`, in order. */
  readonly modelShape?: readonly number[];
  /** Input: rows of different lengths share a batch, laid end to end (`allow_ragged_batch`). */
  readonly ragged?: boolean;
  /** Input: its values are a shape; requests with other values share no batch, which gets it once. */
  readonly shapeTensor?: boolean;
  /** Output: parted by the shapes of the input at this position (BATCH_SCATTER_WITH_INPUT_SHAPE). */
  readonly scatteredLike?: number;
}

/** What a model version takes and gives, as the checks and the batcher need it. */
export interface ModelSignature {
  readonly name: string;
  readonly version: string;
  /** 0: no batch axis. */
  readonly maxBatchSize: number;
  /** In the configuration's order. Shapes without the batch axis when `maxBatchSize` > 0. */
  readonly inputs: readonly ClientTensorSpec[];
  readonly outputs: readonly ClientTensorSpec[];
  /** Inputs that the gateway makes: behind `inputs` in the variant, in this order. */
  readonly made?: readonly MadeInput[];
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
  /** The client asked for it. */
  readonly reproducible?: boolean;
  /** 0 = the model's default level; 1 = highest. */
  readonly priority: number;
  /** `timeout` parameter in µs; 0 = none. */
  readonly timeoutUs: number;
  /** Requests of a client that this one stands for, each with as many rows; absent: one. */
  readonly bundled?: number | undefined;
  /** The sequence it belongs to, where it names one. */
  readonly sequence?: SequenceMark | undefined;
  /** Parameters that neither the protocol nor the gateway knows, for the backend; absent: none. */
  readonly parameters?: Parameters | undefined;
  /** How each of `outputs` is delivered, in their order, where one is not delivered as it is. */
  readonly deliveries?: readonly (Delivery | undefined)[] | undefined;
  /** Memory of the client that it reads or writes, to be held until it is answered. */
  readonly borrowed?: readonly SharedBytes[] | undefined;
}

/** Where a request stands in its sequence. */
export interface SequenceMark {
  /** As the client named it; an int64 is read as uint64. Never 0n nor empty. */
  readonly id: bigint | string;
  readonly start: boolean;
  readonly end: boolean;
  /** False for the filling of an empty slot of a batch; nobody waits for its answer. */
  readonly ready?: boolean;
}

/** An output that is not sent as it is. */
export type Delivery =
  /** The best classes instead of the tensor (classification extension). */
  | { readonly kind: "classes"; readonly count: number }
  | { readonly kind: "shared"; readonly target: SharedBytes };

/** One output on its way back. `data` is valid only during the call that delivers it. */
export interface OutputTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** E.g. where in shared memory the data lies. */
  readonly parameters?: Parameters | undefined;
}

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly outputs: readonly OutputTensor[];
  /** The same object for all answers that share them: encoders recognise it. */
  readonly parameters?: Parameters | undefined;
  /** Told as parameters behind those, see `provenance.ts`; absent: not told. */
  readonly batchRows?: number | undefined;
  readonly queueUs?: number | undefined;
  /** Variant that computed it, of a model that has several; clients are told by `parameters`. */
  readonly variant?: string | undefined;
}

/**
 * One request in the gateway, from the transport's point of view: whom to
 * answer, until when, and whether anybody still listens. The scheduler calls
 * exactly one of: `respond` with `final` true, or `fail`. Only a call that takes
 * `manyResponses` gets others before; an answer that is final and without
 * outputs then says no more than that it was the last.
 */
export interface InferCall {
  readonly timeline: Timeline;
  /** True on a stream: a decoupled model may answer any number of times. */
  readonly manyResponses?: boolean;
  /** Told, before the request is checked, which model it is about. */
  found?(signature: ModelSignature): void;
  /** Whoever asks, as one identity per connection: leases of shared memory hang on it. */
  readonly connection?: ClientConnection | undefined;
  /** Who asks; absent: `ANYBODY`. */
  readonly caller?: Caller | undefined;
  /** True where the gateway asks, on behalf of another request: that one is counted, not this. */
  readonly onBehalf?: boolean;
  /** What came along with the request, names in lower case; read only where forwarding or tracing is configured. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Set where the request is traced, before it is queued. */
  trace?: TraceContext | undefined;
  /** Set where somebody may ask about the request later, before it is queued. */
  story?: Story | undefined;
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

/**
 * A request that is being traced, and its place in the trace: its own span is
 * named before it ends, so that those below it can say whose children they are.
 */
export interface TraceContext {
  /** 32 hex digits: the whole trace, as W3C Trace Context has it. */
  readonly traceId: string;
  /** 16 hex digits: the span of this request. */
  readonly spanId: string;
  /** Whose child that span is; empty: nobody's. */
  readonly parentSpanId: string;
  /** As it came in; empty for none. */
  readonly tracestate: string;
  /** For a request made on behalf of this one, such as a step of an ensemble. */
  child(): TraceContext;
}

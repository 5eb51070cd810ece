/** ModelInfer: the hot path, from the bytes of a request to the bytes of its answer. */
import { StatusError, toStatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type {
  InferCall,
  InferResponse,
  Pieces,
  TraceContext,
  WireRequest,
} from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Story } from "../../inference/story.ts";
import { newTimeline, type Timeline } from "../../inference/timeline.ts";
import { decodeInferRequest } from "../codec/decode-request.ts";
import { encodeInferResponse } from "../codec/encode-response.ts";
import { PREFIX_BYTES } from "../transport/frame.ts";
import type { HotCall, HotHandler } from "../transport/hot-call.ts";
import { provenanceTrailers } from "./provenance-trailers.ts";

export interface Inference {
  /** Answers through `call`, now or later; does not throw. */
  infer(wire: WireRequest, call: InferCall): void;
  /** See `Served.bundleRows`; 0 for a model that is not there. Absent: requests are never bundled. */
  bundleRows?(model: string, version: string): number;
  /** How many requests for a model go before one that takes the line alone, because it is traced. Absent: none does. */
  untraced?(model: string, headers: HotCall["headers"]): number;
}

export function inferHandler({ infer }: Inference): HotHandler {
  return (hot: HotCall, message: Pieces) => {
    let wire: WireRequest;
    try {
      wire = decodeInferRequest(message);
    } catch (thrown) {
      hot.fail(toStatusError(thrown));
      return;
    }
    infer(wire, new UnaryInferCall(hot));
  };
}

class UnaryInferCall implements InferCall {
  readonly timeline: Timeline;
  trace: TraceContext | undefined = undefined;
  story: Story | undefined = undefined;
  readonly #hot: HotCall;

  constructor(hot: HotCall) {
    this.#hot = hot;
    this.timeline = newTimeline(hot.receivedAt);
  }

  get headers(): HotCall["headers"] {
    return this.#hot.headers;
  }

  get connection(): ClientConnection {
    return this.#hot.connection;
  }

  get caller(): Caller | undefined {
    return this.#hot.caller;
  }

  get deadline(): number {
    return this.#hot.deadline;
  }

  get cancelled(): boolean {
    return this.#hot.cancelled;
  }

  get onCancel(): (() => void) | undefined {
    return this.#hot.onCancel;
  }

  set onCancel(notify: (() => void) | undefined) {
    this.#hot.onCancel = notify;
  }

  respond(response: InferResponse, final: boolean): void {
    if (!final) {
      this.fail(new StatusError("INTERNAL", "more than one response to a unary request"));
      return;
    }
    let framed: Buffer;
    try {
      framed = encodeInferResponse(response, PREFIX_BYTES);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
      return;
    }
    this.#hot.sendFramed(framed, provenanceTrailers(response));
  }

  fail(error: StatusError): void {
    this.#hot.fail(error);
  }
}

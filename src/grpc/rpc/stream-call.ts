/** One request of a stream, from its message to its last answer. */
import { StatusError, toStatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type {
  InferCall,
  InferResponse,
  ModelSignature,
  TraceContext,
  WireRequest,
} from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Story } from "../../inference/story.ts";
import { newTimeline, type Timeline } from "../../inference/timeline.ts";
import { encodeStreamError } from "../codec/encode-response.ts";
import { FINAL, type StreamResponseEncoder } from "../codec/stream-response-encoder.ts";
import { PREFIX_BYTES } from "../transport/frame.ts";

/** The stream, as its requests see it. */
export interface StreamSession {
  readonly over: boolean;
  readonly deadline: number;
  readonly encoder: StreamResponseEncoder;
  /** One object per connection. */
  readonly connection: ClientConnection;
  /** Of the stream, too; undefined: nobody asked. */
  readonly caller: Caller | undefined;
  /** Of the stream: all its requests have the same. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The call is of a decoupled model: its answers are in nobody's order. */
  decouple(call: StreamInferCall): void;
  send(framed: Buffer): void;
  /** @returns true: the error ended the stream. */
  endsWith(error: StatusError): boolean;
  /** `call.answer`, where there is one, may be sent in its turn. */
  ended(call: StreamItem): void;
}

/** What a stream keeps in order: a request, or several that came together (`stream-bundle.ts`). */
export interface StreamItem {
  /** Requests. */
  readonly count: number;
  /** Of their messages. */
  readonly byteLength: number;
  readonly decoupled: boolean;
  readonly ended: boolean;
  /** The last answer, until it is its turn; of several requests theirs, each behind its prefix. */
  answer: Buffer | undefined;
  onCancel: (() => void) | undefined;
  previous: StreamItem | undefined;
  next: StreamItem | undefined;
}

export const EMPTY_FINAL = "triton_enable_empty_final_response";

export class StreamInferCall implements InferCall, StreamItem {
  readonly timeline: Timeline;
  readonly byteLength: number;
  trace: TraceContext | undefined = undefined;
  story: Story | undefined = undefined;
  onCancel: (() => void) | undefined = undefined;
  /** Somebody took the request over: what fails from now on is the model's. */
  submitted = false;
  decoupled = false;
  ended = false;
  /** The last answer, until it is its turn. */
  answer: Buffer | undefined = undefined;
  previous: StreamItem | undefined = undefined;
  next: StreamItem | undefined = undefined;
  readonly #session: StreamSession;
  #id = "";
  /** The client asked for an answer without outputs that says that there are no more. */
  #wantsFinal = false;
  #signature: ModelSignature | undefined = undefined;

  /** @param receivedAt `Clock.now` ms. @param byteLength of its message. */
  constructor(session: StreamSession, receivedAt: number, byteLength: number) {
    this.#session = session;
    this.timeline = newTimeline(receivedAt);
    this.byteLength = byteLength;
  }

  get count(): number {
    return 1;
  }

  get manyResponses(): boolean {
    return true;
  }

  get connection(): ClientConnection {
    return this.#session.connection;
  }

  get caller(): Caller | undefined {
    return this.#session.caller;
  }

  get headers(): StreamSession["headers"] {
    return this.#session.headers;
  }

  get deadline(): number {
    return this.#session.deadline;
  }

  get cancelled(): boolean {
    return this.#session.over;
  }

  asks({ id, parameters }: WireRequest): void {
    this.#id = id;
    if (parameters) this.#wantsFinal = parameters.get(EMPTY_FINAL)?.value === true;
  }

  found(signature: ModelSignature): void {
    this.#signature = signature;
    this.decoupled = signature.decoupled;
    if (signature.decoupled) this.#session.decouple(this);
  }

  respond(response: InferResponse, final: boolean): void {
    if (this.ended || this.#session.over) return;
    if (!final && !this.decoupled) {
      this.fail(new StatusError("INTERNAL", "more than one response to one request"));
      return;
    }
    const silent = final && this.decoupled && response.outputs.length === 0 && !this.#wantsFinal;
    let framed: Buffer | undefined;
    try {
      if (!silent) framed = this.#session.encoder.encode(response, PREFIX_BYTES, final);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
      return;
    }
    if (final) this.#end(framed);
    else if (framed) this.#session.send(framed);
  }

  fail(error: StatusError): void {
    if (this.ended || this.#session.over || this.#session.endsWith(error)) return;
    const id = this.#id;
    const { name = "", version = "" } = this.#signature ?? {};
    this.#end(
      this.submitted
        ? encodeStreamError(error.message, { id, model: name, version }, PREFIX_BYTES, FINAL)
        : encodeStreamError(error.message, { id, model: "", version: "" }, PREFIX_BYTES),
    );
  }

  #end(framed: Buffer | undefined): void {
    this.ended = true;
    this.onCancel = undefined;
    if (framed && this.decoupled) this.#session.send(framed);
    else this.answer = framed;
    this.#session.ended(this);
  }
}

/**
 * ModelStreamInfer: many requests and their answers on one call. Answers of models
 * that give one each come in the order of the requests; those of decoupled models
 * as they are made. An error is an answer like any other and leaves the stream open,
 * unless the client asked for gRPC's own way (`triton_grpc_error`).
 */
import { StatusError, toStatusError } from "../../errors.ts";
import type { Pieces, WireRequest } from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import { decodeInferRequest } from "../codec/decode-request.ts";
import { StreamResponseEncoder } from "../codec/stream-response-encoder.ts";
import type { HotStream, HotStreamHandler, HotStreamListener } from "../transport/hot-stream.ts";
import type { Inference } from "./infer.ts";
import { CallList, StreamInferCall, type StreamSession } from "./stream-call.ts";

/** Metadata that makes the first error end the stream with its status. */
const ERROR_AS_STATUS = "triton_grpc_error";
/** Requests of one stream that are worked on at once; half of that and it is read on. Enough to fill large batches. */
const MOST_IN_FLIGHT = 4096;
/** Bytes of requests of one stream that are worked on at once, however few they are. */
const MOST_BYTES_IN_FLIGHT = 64 * 2 ** 20;
/** A decoupled model may answer faster than its client reads; who lets so much pile up is sent away. */
const MOST_UNREAD_BYTES = 64 * 2 ** 20;

export function streamHandler({ infer }: Inference): HotStreamHandler {
  return (stream) => new InferStream(stream, infer);
}

class InferStream implements HotStreamListener, StreamSession {
  /** The stream has ended: nobody listens any more. */
  over = false;
  readonly encoder = new StreamResponseEncoder();
  readonly #stream: HotStream;
  readonly #infer: Inference["infer"];
  readonly #errorAsStatus: boolean;
  /** Not answered, or not sent yet: in the order of arrival. */
  readonly #ordered = new CallList();
  /** Not finished, of decoupled models. */
  readonly #decoupled = new CallList();
  /** What the client must read before more is sent. */
  #outbox: Buffer[] = [];
  #outboxBytes = 0;
  #blocked = false;
  #bytesInFlight = 0;
  #paused = false;
  #halfClosed = false;
  #shutdown = false;

  constructor(stream: HotStream, infer: Inference["infer"]) {
    this.#stream = stream;
    this.#infer = infer;
    this.#errorAsStatus = stream.headers[ERROR_AS_STATUS] === "true";
    stream.onCancel = () => this.#cancelAll();
  }

  get deadline(): number {
    return this.#stream.deadline;
  }

  get connection(): ClientConnection {
    return this.#stream.connection;
  }

  get headers(): HotStream["headers"] {
    return this.#stream.headers;
  }

  // The client ------------------------------------------------------------------

  message(message: Pieces): void {
    if (this.over) return;
    const { byteLength } = message;
    const call = new StreamInferCall(this, this.#stream.receivedAt, byteLength);
    this.#ordered.append(call);
    this.#bytesInFlight += byteLength;
    let wire: WireRequest;
    try {
      wire = decodeInferRequest(message);
    } catch (thrown) {
      call.fail(toStatusError(thrown));
      return;
    }
    call.asks(wire);
    this.#infer(wire, call);
    call.submitted = true;
    if (!this.#paused && this.#full) this.#pause();
  }

  halfClosed(): void {
    this.#halfClosed = true;
    this.#goOn();
  }

  shutdown(): void {
    this.#shutdown = true;
    this.#pause();
    this.#goOn();
  }

  drain(): void {
    this.#blocked = false;
    const { length } = this.#outbox;
    let sent = 0;
    while (sent < length && !this.#blocked) {
      const framed = this.#outbox[sent++];
      if (framed === undefined) continue;
      this.#outboxBytes -= framed.length;
      this.#blocked = !this.#stream.send(framed);
    }
    this.#outbox = this.#outbox.slice(sent);
    this.#goOn();
  }

  #cancelAll(): void {
    this.over = true;
    this.#outbox = [];
    this.#ordered.cancel();
    this.#decoupled.cancel();
  }

  // Its calls -------------------------------------------------------------------

  decouple(call: StreamInferCall): void {
    this.#ordered.remove(call);
    this.#decoupled.append(call);
  }

  send(framed: Buffer): void {
    if (!this.#blocked) {
      this.#blocked = !this.#stream.send(framed);
      return;
    }
    this.#outbox.push(framed);
    this.#outboxBytes += framed.length;
    if (this.#outboxBytes <= MOST_UNREAD_BYTES) return;
    const text = `more than ${MOST_UNREAD_BYTES} bytes of responses wait for the client to read them`;
    this.#endWith(new StatusError("RESOURCE_EXHAUSTED", text));
  }

  /** @returns true: the error ended the stream. */
  endsWith(error: StatusError): boolean {
    if (!this.#errorAsStatus) return false;
    this.#endWith(error);
    return true;
  }

  /** Its data is needed no more; its last answer may go once those before it went. */
  ended(call: StreamInferCall): void {
    this.#bytesInFlight -= call.byteLength;
    this.#stream.release(call.byteLength);
    if (call.decoupled) {
      this.#decoupled.remove(call);
    } else {
      for (let first = this.#ordered.first; first?.ended; first = this.#ordered.first) {
        this.#ordered.remove(first);
        const { answer } = first;
        first.answer = undefined;
        if (answer) this.send(answer);
        if (this.over) return;
      }
    }
    this.#goOn();
  }

  #endWith(error: StatusError): void {
    if (this.over) return;
    this.#stream.fail(error);
    this.#cancelAll();
  }

  // Room ------------------------------------------------------------------------

  get #size(): number {
    return this.#ordered.size + this.#decoupled.size;
  }

  get #full(): boolean {
    return (
      this.#blocked || this.#size >= MOST_IN_FLIGHT || this.#bytesInFlight >= MOST_BYTES_IN_FLIGHT
    );
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  /** Reads on, or ends, where it is time. */
  #goOn(): void {
    if (this.over) return;
    if (this.#paused) {
      const roomy = this.#size <= MOST_IN_FLIGHT / 2;
      if (!this.#shutdown && !this.#full && roomy) {
        this.#paused = false;
        this.#stream.resume();
        return;
      }
    }
    const done = this.#size === 0 && this.#outbox.length === 0;
    if (!done || !(this.#halfClosed || this.#shutdown)) return;
    this.over = true;
    if (this.#halfClosed) this.#stream.end();
    else this.#stream.fail(SHUTTING_DOWN);
  }
}

const SHUTTING_DOWN = new StatusError(
  "UNAVAILABLE",
  "GRPC server is shutting down and has stopped accepting new requests.",
);

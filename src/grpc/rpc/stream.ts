/**
 * ModelStreamInfer: many requests and their answers on one call. Answers of models
 * that give one each come in the order of the requests; those of decoupled models
 * as they are made. An error is an answer like any other and leaves the stream open,
 * unless the client asked for gRPC's own way (`triton_grpc_error`).
 */
import { StatusError, toStatusError } from "../../errors.ts";
import type { InferCall, Pieces, WireRequest } from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import { decodeInferRequest } from "../codec/decode-request.ts";
import { RepeatedRequest } from "../codec/repeated-request.ts";
import { StreamResponseEncoder } from "../codec/stream-response-encoder.ts";
import { asBuffer } from "../codec/wire.ts";
import type { HotStream, HotStreamHandler, HotStreamListener } from "../transport/hot-stream.ts";
import type { Inference } from "./infer.ts";
import { ItemList } from "./item-list.ts";
import { type BundleSession, StreamBundle } from "./stream-bundle.ts";
import { EMPTY_FINAL, StreamInferCall, type StreamItem } from "./stream-call.ts";

/** Metadata that makes the first error end the stream with its status. */
const ERROR_AS_STATUS = "triton_grpc_error";
/** Requests of one stream that are worked on at once; half of that and it is read on. Enough to fill large batches. */
const MOST_IN_FLIGHT = 4096;
/** Bytes of requests of one stream that are worked on at once, however few they are. */
const MOST_BYTES_IN_FLIGHT = 64 * 2 ** 20;
/** A decoupled model may answer faster than its client reads; who lets so much pile up is sent away. */
const MOST_UNREAD_BYTES = 64 * 2 ** 20;

export function streamHandler(inference: Inference): HotStreamHandler {
  return (stream) => new InferStream(stream, inference);
}

interface Unsent {
  readonly framed: Buffer;
  readonly messages: number;
}

class InferStream implements HotStreamListener, BundleSession {
  /** The stream has ended: nobody listens any more. */
  over = false;
  readonly encoder = new StreamResponseEncoder();
  readonly #stream: HotStream;
  readonly #inference: Inference;
  readonly #errorAsStatus: boolean;
  /** Not answered, or not sent yet: in the order of arrival. */
  readonly #ordered = new ItemList();
  /** Not finished, of decoupled models. */
  readonly #decoupled = new ItemList();
  /** What the client must read before more is sent. */
  #outbox: Unsent[] = [];
  #outboxBytes = 0;
  #blocked = false;
  #bytesInFlight = 0;
  /** Of the request decoded last: the next ones are compared with it. */
  #template: RepeatedRequest | undefined;
  /** Takes more requests until what the network delivered has been read. */
  #bundle: StreamBundle | undefined;
  #paused = false;
  #halfClosed = false;
  /** Why nothing more is taken. */
  #shutdown: StatusError | undefined;

  constructor(stream: HotStream, inference: Inference) {
    this.#stream = stream;
    this.#inference = inference;
    this.#errorAsStatus = stream.headers[ERROR_AS_STATUS] === "true";
    stream.onCancel = () => this.#cancelAll();
  }

  get deadline(): number {
    return this.#stream.deadline;
  }

  get connection(): ClientConnection {
    return this.#stream.connection;
  }

  get caller(): HotStream["caller"] {
    return this.#stream.caller;
  }

  get headers(): HotStream["headers"] {
    return this.#stream.headers;
  }

  // The client ------------------------------------------------------------------

  /** A message that lies whole in what the network delivered; not taken: it comes to `message`. */
  borrow(bytes: Buffer, start: number, end: number): boolean {
    if (this.over || !this.#template?.matches(bytes, start, end)) return false;
    if (!this.#bundle?.isOf(this.#template) && !this.#openBundle(this.#template)) return false;
    const bundle = this.#bundle;
    if (bundle === undefined) return false;
    bundle.add(bytes, end - start);
    if (bundle.full) this.#submitBundle();
    return true;
  }

  message(message: Pieces): void {
    if (this.over) return;
    this.#submitBundle();
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
    this.#remember(message, wire);
    this.#submit(call, wire);
  }

  #submit(call: StreamInferCall, wire: WireRequest): void {
    call.asks(wire);
    this.#inference.infer(wire, call);
    call.submitted = true;
    if (!this.#paused && this.#full) this.#pause();
  }

  halfClosed(): void {
    this.#submitBundle();
    this.#halfClosed = true;
    this.#goOn();
  }

  shutdown(reason: StatusError): void {
    this.#submitBundle();
    this.#shutdown ??= reason;
    this.#pause();
    this.#goOn();
  }

  drain(): void {
    this.#blocked = false;
    const { length } = this.#outbox;
    let sent = 0;
    while (sent < length && !this.#blocked) {
      const unsent = this.#outbox[sent++];
      if (unsent === undefined) continue;
      this.#outboxBytes -= unsent.framed.length;
      this.#blocked = !this.#write(unsent.framed, unsent.messages);
    }
    this.#outbox = this.#outbox.slice(sent);
    this.#goOn();
  }

  #cancelAll(): void {
    this.over = true;
    this.#bundle = undefined;
    this.#outbox = [];
    this.#ordered.cancel();
    this.#decoupled.cancel();
  }

  // Its calls -------------------------------------------------------------------

  infer(wire: WireRequest, call: InferCall): void {
    this.#inference.infer(wire, call);
  }

  decouple(call: StreamInferCall): void {
    this.#ordered.remove(call);
    this.#decoupled.append(call);
  }

  /** @param messages in `framed`: one, with room for its prefix, or several behind theirs */
  send(framed: Buffer, messages = 1): void {
    if (!this.#blocked) {
      this.#blocked = !this.#write(framed, messages);
      return;
    }
    this.#outbox.push({ framed, messages });
    this.#outboxBytes += framed.length;
    if (this.#outboxBytes <= MOST_UNREAD_BYTES) return;
    const text = `more than ${MOST_UNREAD_BYTES} bytes of responses wait for the client to read them`;
    this.#endWith(new StatusError("RESOURCE_EXHAUSTED", text));
  }

  #write(framed: Buffer, messages: number): boolean {
    return messages === 1 ? this.#stream.send(framed) : this.#stream.sendMessages(framed, messages);
  }

  /** @returns true: the error ended the stream. */
  endsWith(error: StatusError): boolean {
    if (!this.#errorAsStatus) return false;
    this.#endWith(error);
    return true;
  }

  /** Its data is needed no more; its last answer may go once those before it went. */
  ended(call: StreamItem): void {
    this.#bytesInFlight -= call.byteLength;
    this.#stream.release(call.byteLength);
    if (call.decoupled) {
      this.#decoupled.remove(call);
    } else {
      for (let first = this.#ordered.first; first?.ended; first = this.#ordered.first) {
        this.#ordered.remove(first);
        const { answer, count } = first;
        first.answer = undefined;
        if (answer) this.send(answer, count);
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

  // Bundles ---------------------------------------------------------------------

  #remember(message: Pieces, wire: WireRequest): void {
    const [piece] = message.pieces;
    const alone = message.pieces.length > 1 || this.#stream.compresses || !isPlain(wire);
    this.#template =
      alone || piece === undefined || this.#inference.bundleRows === undefined
        ? undefined
        : RepeatedRequest.of(asBuffer(piece), wire);
  }

  #openBundle(template: RepeatedRequest): boolean {
    this.#submitBundle();
    const { model, version, inputs } = template.wire;
    const rows = inputs[0]?.shape[0] ?? 0;
    const most = this.#inference.bundleRows?.(model, version) ?? 0;
    if (rows < 1) return false;
    const untraced = this.#inference.untraced?.(model, this.headers) ?? most;
    const room = Math.min(Math.floor(most / rows), untraced);
    if (room < 2) return false;
    this.#bundle = new StreamBundle(this, template, this.#stream.receivedAt, room);
    // When everything that was delivered by now has been read.
    process.nextTick(() => this.#submitBundle());
    return true;
  }

  #submitBundle(): void {
    const bundle = this.#bundle;
    if (bundle === undefined || this.over) return;
    this.#bundle = undefined;
    const { byteLength } = bundle;
    this.#bytesInFlight += byteLength;
    if (bundle.count === 1) {
      const call = new StreamInferCall(this, bundle.timeline.received, byteLength);
      this.#ordered.append(call);
      this.#submit(call, bundle.single);
      return;
    }
    this.#ordered.append(bundle);
    this.#inference.infer(bundle.wire, bundle);
    if (!this.#paused && this.#full) this.#pause();
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
    else if (this.#shutdown) this.#stream.fail(this.#shutdown);
  }
}

/** Nothing is asked of it that another request of its batch could not have. */
function isPlain({ parameters, inputs, outputs, dataError }: WireRequest): boolean {
  const ordinary =
    parameters === undefined || (parameters.size === 1 && parameters.has(EMPTY_FINAL));
  return (
    ordinary &&
    dataError === undefined &&
    inputs.every((input) => input.parameters === undefined && input.data !== undefined) &&
    outputs.every((output) => output.parameters === undefined)
  );
}

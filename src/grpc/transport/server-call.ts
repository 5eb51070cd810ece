/**
 * One gRPC call on one HTTP/2 stream: receives messages within the byte budget,
 * watches the deadline and the client, is answered once. The kinds of calls
 * (`hot-call.ts`, `service-call.ts`) say what is done with a message.
 *
 * Node's stream machinery is passed by on the way in: `push` is where the HTTP/2
 * binding delivers a chunk, and taking it there saves the buffering, the ticks and
 * the events of a Readable (a tenth of the whole cost of a small call). The value
 * returned still drives HTTP/2 flow control.
 */
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { Readable } from "node:stream";
import { StatusError } from "../../errors.ts";
import type { Pieces } from "../../inference/request.ts";
import { toWireStatus } from "../status.ts";
import { Answer } from "./answer.ts";
import type { BudgetWaiter } from "./byte-budget.ts";
import type { CallHost, LiveCall } from "./call-host.ts";
import { type Encoding, inflate } from "./compression.ts";
import type { Connection } from "./connection.ts";
import type { Expiring } from "./deadline-queue.ts";
import { MessageReader, type MessageSink } from "./message-reader.ts";
import { OK_TRAILERS, statusTrailers } from "./response.ts";
import { SlowClientWatch } from "./slow-client-watch.ts";

const CALL = Symbol("call");
interface CallStream extends ServerHttp2Stream {
  [CALL]?: ServerCall;
}

/** Chunks below this length that do not complete a message are counted against the connection. */
const FRAGMENT_BYTES = 128;

export interface Arrival {
  readonly host: CallHost;
  readonly connection: Connection;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly encoding: Encoding;
  /** `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
}

export abstract class ServerCall implements MessageSink, BudgetWaiter, Expiring, LiveCall {
  readonly headers: IncomingHttpHeaders;
  readonly deadline: number;
  receivedAt = 0;
  cancelled = false;
  onCancel: (() => void) | undefined = undefined;
  held = 0;
  neededBytes = 0;
  heapIndex = -1;
  previous: LiveCall | undefined = undefined;
  next: LiveCall | undefined = undefined;
  /** An answer was given, or never will be. */
  protected finished = false;
  protected readonly host: CallHost;
  protected readonly reader: MessageReader;
  protected readonly answer: Answer;
  readonly #connection: Connection;
  readonly #stream: CallStream;
  readonly #encoding: Encoding;
  #watch: SlowClientWatch | undefined = undefined;
  /** The client has said its last word. */
  #inputEnded = false;
  /** In the budget's line. */
  #waiting = false;
  #inflating = false;
  #paused = false;
  #endDelivered = false;
  /** Of the host's count of backlog bytes, those of this call. */
  #backlogBytes = 0;
  #messages = 0;

  constructor(arrival: Arrival) {
    const { host, connection, stream, headers } = arrival;
    this.host = host;
    this.headers = headers;
    this.deadline = arrival.deadline;
    this.reader = new MessageReader(this);
    this.answer = new Answer(host, connection, stream, headers["grpc-accept-encoding"] as string);
    this.#connection = connection;
    this.#stream = stream;
    this.#encoding = arrival.encoding;
  }

  /** True where the client sends exactly one message. */
  protected abstract readonly unaryInput: boolean;
  /** A message is complete. */
  protected abstract onMessage(message: Pieces): void;
  /** The client half-closed, after its last message. */
  protected abstract onInputEnd(): void;
  /** `cancelled` turned true. */
  protected onCancelled(): void {}
  /** The stream is gone; comes last, whatever happened. */
  protected onClosed(): void {}

  get holdsDrain(): boolean {
    return true;
  }

  get peer(): string {
    return this.#connection.peer;
  }

  /** Begins to receive. @param flags of the HEADERS frame. */
  start(flags: number): void {
    const stream = this.#stream;
    this.host.enter(this);
    this.#connection.openCalls++;
    stream[CALL] = this;
    stream.on("close", onStreamClose);
    stream.on("wantTrailers", onWantTrailers);
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (ended) stream.resume();
    else stream.push = pushToCall;
    if (this.deadline <= this.host.clock.now()) {
      this.#inputEnded = ended;
      this.expire();
      return;
    }
    if (this.deadline !== Number.POSITIVE_INFINITY) this.host.deadlines.add(this);
    if (ended) this.inputEnd();
    else if (!this.#paused) this.#startReading();
  }

  /** Makes the binding read; `read` would go through the machinery that `push` bypasses. */
  #startReading(): void {
    this.#stream._read(0);
  }

  // What the stream delivers -------------------------------------------------

  /** @returns false: the client must wait. */
  chunk(chunk: Buffer): boolean {
    if (this.finished) return true;
    const messages = this.#messages;
    this.reader.push(chunk);
    const fragment = chunk.length < FRAGMENT_BYTES && messages === this.#messages;
    this.#connection.received(chunk.length, fragment);
    if (!this.reader.holding) return true;
    this.#countBacklog();
    return false;
  }

  inputEnd(): void {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    if (!this.reader.holding) this.#endOfInput();
  }

  streamClosed(): void {
    this.#connection.openCalls--;
    this.answer.forget();
    if (!this.finished) this.#cancel();
    this.host.leave(this);
    this.onClosed();
  }

  wantTrailers(): void {
    this.answer.sendTrailers(!this.#inputEnded);
  }

  // What the reader finds ----------------------------------------------------

  beginMessage(lengthBytes: number, compressed: boolean): boolean {
    const refusal = this.#refusal(lengthBytes, compressed);
    if (refusal) {
      this.fail(refusal);
      return false;
    }
    this.neededBytes = lengthBytes;
    if (this.host.budget.acquire(this)) {
      this.held += lengthBytes;
      return true;
    }
    this.#waiting = true;
    return false;
  }

  granted(): void {
    this.#waiting = false;
    this.held += this.neededBytes;
    this.#resumeReading();
  }

  endMessage(message: Pieces, compressed: boolean): void {
    this.#messages++;
    this.#connection.messages++;
    if (compressed && this.#encoding !== "identity") this.#inflate(message, this.#encoding);
    else this.onMessage(message);
  }

  badFlag(flag: number): void {
    const text = `Invalid message framing: the compression flag is ${flag}, expected 0 or 1`;
    this.fail(new StatusError("INTERNAL", text));
  }

  #refusal(lengthBytes: number, compressed: boolean): StatusError | undefined {
    const { maxMessageBytes, budget } = this.host;
    if (lengthBytes > maxMessageBytes) {
      const text = `Received message larger than max (${lengthBytes} vs. ${maxMessageBytes})`;
      return new StatusError("RESOURCE_EXHAUSTED", text);
    }
    if (lengthBytes > budget.largestBytes) {
      const text = `Received message larger than the receive budget (${lengthBytes} vs. ${budget.largestBytes})`;
      return new StatusError("RESOURCE_EXHAUSTED", text);
    }
    if (this.unaryInput && this.#messages > 0) {
      const text = "Received a second request message on a call that takes one";
      return new StatusError("UNIMPLEMENTED", text);
    }
    if (compressed && this.#encoding === "identity") {
      const text = "A message is marked compressed, but the call names no grpc-encoding";
      return new StatusError("INTERNAL", text);
    }
    return undefined;
  }

  #inflate(message: Pieces, encoding: Exclude<Encoding, "identity">): void {
    this.#inflating = true;
    this.reader.hold();
    const limits = {
      maxBytes: this.host.maxMessageBytes,
      reserve: (bytes: number) => this.#reserve(bytes),
    };
    inflate(message, encoding, limits, (result) => {
      this.#inflating = false;
      if (this.finished) return;
      if (result instanceof StatusError) {
        this.fail(result);
        return;
      }
      this.release(message.byteLength);
      this.onMessage(result);
      this.#resumeReading();
    });
  }

  #endOfInput(): void {
    if (this.finished || this.#endDelivered) return;
    this.#endDelivered = true;
    if (this.reader.midMessage) {
      const { receivedBytes, lengthBytes } = this.reader;
      const text = `The stream ended within a message, after ${receivedBytes} of ${lengthBytes} bytes`;
      this.fail(new StatusError("INTERNAL", text));
    } else if (this.unaryInput && this.#messages === 0) {
      this.fail(new StatusError("INTERNAL", "The client ended the call without sending a message"));
    } else {
      this.receivedAt = this.host.clock.now();
      this.onInputEnd();
    }
  }

  // Room ---------------------------------------------------------------------

  /** Takes no more messages until `resume`; HTTP/2 holds the client. */
  pause(): void {
    this.#paused = true;
    this.reader.hold();
  }

  resume(): void {
    this.#paused = false;
    this.#resumeReading();
  }

  /** Goes on after the reader was held, unless there is another reason to wait. */
  #resumeReading(): void {
    if (this.finished || !this.reader.holding) return;
    if (this.#paused || this.#waiting || this.#inflating) return;
    this.reader.resume();
    this.#countBacklog();
    if (this.reader.holding || this.finished) return;
    if (this.#inputEnded) this.#endOfInput();
    else if (!this.#stream.destroyed) this.#startReading();
  }

  /** Gives bytes of the budget back before the call is over. */
  release(bytes: number): void {
    if (this.finished) return;
    this.held -= bytes;
    this.host.budget.release(bytes);
  }

  #reserve(bytes: number): boolean {
    if (this.finished || !this.host.budget.tryAcquire(bytes)) return false;
    this.held += bytes;
    return true;
  }

  #countBacklog(): void {
    const bytes = this.finished ? 0 : this.reader.backlogBytes;
    this.host.backlogBytes += bytes - this.#backlogBytes;
    this.#backlogBytes = bytes;
    if (bytes === 0 || this.host.backlogBytes <= this.host.maxBacklogBytes) return;
    const text = "Too many messages are waiting for the server's receive budget; try again later";
    this.fail(new StatusError("RESOURCE_EXHAUSTED", text));
  }

  // Ends ---------------------------------------------------------------------

  /** The whole answer of a call that has one message. The first five bytes are left for the prefix. */
  sendFramed(framed: Buffer, trailers: OutgoingHttpHeaders = OK_TRAILERS): void {
    if (this.finished) return;
    this.#finish();
    this.answer.whole(framed, trailers);
  }

  /** One message of a streaming call. @returns false: wait before the next. */
  protected sendMessage(framed: Buffer): boolean {
    if (this.finished) return false;
    const room = this.answer.message(framed);
    const { streamBacklogBytes } = this.host.patience;
    if (this.pendingBytes - framed.length <= streamBacklogBytes) return room;
    this.cut(`more than ${streamBacklogBytes} bytes of the stream wait for its reader`);
    return false;
  }

  /** Ends the call with an error. Does nothing once it was answered. */
  fail(error: unknown, metadata?: OutgoingHttpHeaders): void {
    if (this.finished) return;
    const { code, details } = toWireStatus(error);
    this.endWith(statusTrailers(code, details, metadata));
  }

  protected endWith(trailers: OutgoingHttpHeaders): void {
    if (this.finished) return;
    this.#finish();
    this.answer.end(trailers, !this.#inputEnded);
  }

  expire(): void {
    if (this.finished) return;
    this.cancelled = true;
    this.fail(new StatusError("DEADLINE_EXCEEDED", "Deadline Exceeded"));
    this.#tellCancelled();
  }

  draining(): void {}

  cut(reason: string): void {
    this.host.log.info("gRPC call cut", { peer: this.peer, path: this.headers[":path"], reason });
    if (this.#stream.closed) this.#connection.cut();
    else this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    if (!this.finished) this.#cancel();
  }

  #cancel(): void {
    this.cancelled = true;
    this.#finish();
    this.#tellCancelled();
  }

  #tellCancelled(): void {
    const tell = this.onCancel;
    this.onCancel = undefined;
    tell?.();
    this.onCancelled();
  }

  #finish(): void {
    this.finished = true;
    if (this.heapIndex >= 0) this.host.deadlines.remove(this);
    this.reader.stop();
    if (this.#backlogBytes > 0) this.#countBacklog();
    if (this.#waiting) this.host.budget.cancel(this);
    this.#waiting = false;
    const held = this.held;
    this.held = 0;
    if (held > 0) this.host.budget.release(held);
  }

  // Slow clients -------------------------------------------------------------

  get pendingBytes(): number {
    return this.answer.pendingBytes;
  }

  get stalledSince(): number {
    return this.#watch?.since ?? 0;
  }

  inspect(now: number): void {
    const { patience } = this.host;
    if (this.pendingBytes > 0) {
      this.#watch ??= new SlowClientWatch();
      const stalled = this.#watch.stalledReader(now, this.answer.takenBytes, patience);
      if (stalled) this.cut("its answer is not being read");
    } else if (!this.finished && this.reader.midMessage && !this.reader.holding) {
      this.#inspectSender(now);
    } else {
      this.#watch?.forget();
    }
  }

  #inspectSender(now: number): void {
    this.#watch ??= new SlowClientWatch();
    const incoming = {
      number: this.#messages,
      receivedBytes: this.reader.receivedBytes,
      lengthBytes: this.reader.lengthBytes,
      scarce: this.host.budget.scarce,
      offences: this.#connection.slowMessages,
    };
    const verdict = this.#watch.slowSender(now, incoming, this.host.patience);
    if (verdict === undefined) return;
    this.#connection.slowMessages++;
    this.host.demote(this.#connection);
    this.fail(new StatusError("RESOURCE_EXHAUSTED", verdict));
  }

  standBack(connection: Connection): void {
    if (!this.#waiting || connection !== this.#connection) return;
    this.host.budget.cancel(this);
    this.#waiting = !this.host.budget.acquire(this);
    if (!this.#waiting) this.granted();
  }
}

function pushToCall(this: CallStream, chunk: Buffer | null): boolean {
  const call = this[CALL];
  if (chunk !== null) return call === undefined || call.chunk(chunk);
  const ended = !this.destroyed && !this.closed;
  Readable.prototype.push.call(this, null);
  if (ended) call?.inputEnd();
  return true;
}

function onStreamClose(this: CallStream): void {
  this[CALL]?.streamClosed();
}

function onWantTrailers(this: CallStream): void {
  this[CALL]?.wantTrailers();
}

/**
 * One gRPC call on one HTTP/2 stream: receives within its bounds, watches the
 * deadline and the client, is answered once. The kinds of calls (`hot-call.ts`,
 * `hot-stream.ts`, `service-call.ts`) say what is done with a message.
 */
import { StatusError } from "../../errors.ts";
import { ErrorCode, type RequestHeaders, type ResponseHeaders } from "../http2/protocol.ts";
import type { StreamOwner } from "../http2/stream.ts";
import { toWireStatus } from "../status.ts";
import { Answer } from "./answer.ts";
import type { LiveCall } from "./call-host.ts";
import type { Connection } from "./connection.ts";
import type { Expiring } from "./deadline-queue.ts";
import { type Arrival, ReceivingCall } from "./receiving-call.ts";
import { OK_TRAILERS, statusTrailers } from "./response.ts";
import { SlowClientWatch } from "./slow-client-watch.ts";

export abstract class ServerCall extends ReceivingCall implements StreamOwner, Expiring, LiveCall {
  readonly headers: RequestHeaders;
  readonly deadline: number;
  cancelled = false;
  onCancel: (() => void) | undefined = undefined;
  heapIndex = -1;
  previous: LiveCall | undefined = undefined;
  next: LiveCall | undefined = undefined;
  protected readonly answer: Answer;
  #watch: SlowClientWatch | undefined = undefined;

  constructor(arrival: Arrival) {
    super(arrival);
    const { host, connection, stream, headers } = arrival;
    this.headers = headers;
    this.deadline = arrival.deadline;
    this.answer = new Answer(host, connection, stream, headers["grpc-accept-encoding"]);
  }

  /** `cancelled` turned true. */
  protected onCancelled(): void {}
  /** The stream is gone; comes last, whatever happened. */
  protected onClosed(): void {}

  get holdsDrain(): boolean {
    return true;
  }

  get peer(): string {
    return this.connection.peer;
  }

  /** Begins to receive. @param ended the client sent nothing but headers. */
  start(ended: boolean): void {
    this.host.enter(this);
    this.connection.openCalls++;
    this.stream.owner = this;
    if (this.deadline !== Number.POSITIVE_INFINITY) {
      if (this.deadline <= this.host.clock.now()) {
        this.inputEnded = ended;
        this.expire();
        return;
      }
      this.host.deadlines.add(this);
    }
    if (ended) this.inputEnd();
  }

  drained(): void {}

  streamClosed(): void {
    this.connection.openCalls--;
    this.answer.forget();
    if (!this.finished) this.#cancel();
    this.host.leave(this);
    this.onClosed();
  }

  // Answers ------------------------------------------------------------------

  /** The whole answer of a call that has one message. The first five bytes are left for the prefix. */
  sendFramed(framed: Buffer, trailers: ResponseHeaders | Buffer = OK_TRAILERS): void {
    if (this.finished) return;
    this.#finish();
    this.answer.whole(framed, trailers);
  }

  /** One message of a streaming call. @returns false: wait before the next. */
  protected sendMessage(framed: Buffer): boolean {
    return !this.finished && this.#keepsPace(this.answer.message(framed), framed.length);
  }

  /** Several messages behind their prefixes. @returns false: wait before the next. */
  protected sendAll(framed: Buffer, messages: number): boolean {
    return !this.finished && this.#keepsPace(this.answer.messages(framed, messages), framed.length);
  }

  #keepsPace(room: boolean, sentBytes: number): boolean {
    const { streamBacklogBytes } = this.host.patience;
    if (this.pendingBytes - sentBytes <= streamBacklogBytes) return room;
    this.cut(`more than ${streamBacklogBytes} bytes of the stream wait for its reader`);
    return false;
  }

  /** Ends the call with an error. Does nothing once it was answered. */
  fail(error: unknown, metadata?: ResponseHeaders): void {
    if (this.finished) return;
    const { code, details } = toWireStatus(error);
    this.endWith(statusTrailers(code, details, withPushback(error, metadata)));
  }

  protected endWith(trailers: ResponseHeaders): void {
    if (this.finished) return;
    this.#finish();
    this.answer.end(trailers);
  }

  // Ends ---------------------------------------------------------------------

  expire(): void {
    if (this.finished) return;
    this.cancelled = true;
    this.fail(new StatusError("DEADLINE_EXCEEDED", "Deadline Exceeded"));
    this.#tellCancelled();
  }

  draining(): void {}

  cut(reason: string): void {
    // Not louder: who can be made to log can be flooded.
    this.host.log.debug("gRPC call cut", { peer: this.peer, path: this.headers[":path"], reason });
    // Where not even the socket takes anything, a reset would not get through.
    if (this.connection.stuck) this.connection.cut();
    else this.stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
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
    if (this.heapIndex >= 0) this.host.deadlines.remove(this);
    this.stopReceiving();
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
    } else if (!this.finished && this.incoming) {
      this.#inspectSender(now, this.incoming);
    } else if (!this.finished && this.awaitsClient) {
      this.#watch ??= new SlowClientWatch();
      const verdict = this.#watch.silentSender(now, this.messages, this.host.patience);
      if (verdict !== undefined) this.fail(new StatusError("RESOURCE_EXHAUSTED", verdict));
    } else {
      this.#watch?.forget();
    }
  }

  #inspectSender(
    now: number,
    { receivedBytes, lengthBytes }: { receivedBytes: number; lengthBytes: number },
  ): void {
    this.#watch ??= new SlowClientWatch();
    const incoming = {
      number: this.messages,
      receivedBytes,
      lengthBytes,
      scarce: this.host.budget.scarce,
      offences: this.connection.slowMessages,
    };
    const verdict = this.#watch.slowSender(now, incoming, this.host.patience);
    if (verdict === undefined) return;
    this.connection.slowMessages++;
    this.host.demote(this.connection);
    this.fail(new StatusError("RESOURCE_EXHAUSTED", verdict));
  }

  standBack(connection: Connection): void {
    if (connection === this.connection) this.queueAgain();
  }
}

/** How long a client that retries by itself waits (gRFC A6); -1: it does not. */
function withPushback(error: unknown, metadata?: ResponseHeaders): ResponseHeaders | undefined {
  if (!(error instanceof StatusError) || error.retryMs === undefined) return metadata;
  return { ...metadata, "grpc-retry-pushback-ms": String(error.retryMs) };
}

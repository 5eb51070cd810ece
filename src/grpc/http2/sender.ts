/**
 * What a connection sends: DATA within the client's windows and no faster than the
 * socket takes it, streams in turn; HEADERS and frames of the connection at once.
 */
import type { Socket } from "node:net";
import { writeFrameHeader } from "./frames.ts";
import { Outbox } from "./outbox.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Flag,
  FRAME_HEADER_BYTES,
  Frame,
} from "./protocol.ts";

/** The sending side of a stream. */
export interface SendingStream {
  readonly id: number;
  /** Of the client, for this stream. */
  sendWindowBytes: number;
  /** What waits for the window or the socket; the first `sentOfFirst` bytes of the first piece have left. */
  readonly queue: Buffer[];
  sentOfFirst: number;
  queuedBytes: number;
  /** Header block that ends the stream, once the queue is empty. */
  trailers: Buffer | undefined;
  /** END_STREAM was sent. */
  sentEnd(): void;
  /** The queue has become empty. */
  drained(): void;
}

/** DATA waits while the socket has this much. */
const SOCKET_BACKLOG_BYTES = 256 * 1024;
/** Nothing is read from a client that leaves this much unread: its requests would only add to it. */
const UNREAD_BYTES = 1024 * 1024;
/** Longer payloads are passed on without a copy. */
const COPY_BYTES = 16 * 1024;
/** A stream's turn. */
const TURN_BYTES = 64 * 1024;
const TABLE_SIZE_ZERO = Buffer.from([0x20]);

export class Sender {
  /** Of the client, for the connection. */
  windowBytes = DEFAULT_WINDOW_BYTES;
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  /** The client's table became smaller: the next block has to say that it is followed (RFC 7541 §4.2). */
  tableSizeDue = false;
  /** Counts what tells a client that the connection lives: HEADERS and DATA. */
  progress = 0;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  /** Streams that have something to send and window for it, in turn. */
  readonly #ready = new Set<SendingStream>();
  #scheduled = false;
  /** A flush will come anyway. */
  #collecting = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#outbox = new Outbox(socket);
    socket.on("drain", () => {
      if (socket.isPaused()) socket.resume();
      this.flush();
    });
  }

  get hasRoom(): boolean {
    return this.#outbox.pendingBytes + this.#socket.writableLength < SOCKET_BACKLOG_BYTES;
  }

  /** Sends at `flush` what is said until then. */
  collect(): void {
    this.#collecting = true;
  }

  readonly flush = (): void => {
    this.#scheduled = false;
    this.#collecting = false;
    this.#takeTurns();
    this.#outbox.flush();
    if (this.#socket.writableLength > UNREAD_BYTES) this.#socket.pause();
    if (this.#ready.size > 0 && this.windowBytes > 0 && this.hasRoom) this.#schedule();
  };

  #schedule(): void {
    if (this.#scheduled || this.#collecting) return;
    this.#scheduled = true;
    setImmediate(this.flush);
  }

  /** A whole frame. */
  control(frame: Uint8Array): void {
    this.#outbox.copy(frame);
    this.#schedule();
  }

  headers(streamId: number, block: Buffer, end: boolean): void {
    const whole = this.tableSizeDue ? Buffer.concat([TABLE_SIZE_ZERO, block]) : block;
    this.tableSizeDue = false;
    let type: number = Frame.HEADERS;
    let flags = end ? Flag.END_STREAM : 0;
    let at = 0;
    do {
      const piece = whole.subarray(at, at + this.maxFrameBytes);
      at += piece.length;
      if (at === whole.length) flags |= Flag.END_HEADERS;
      this.#frame(type, flags, streamId, piece);
      type = Frame.CONTINUATION;
      flags = 0;
    } while (at < whole.length);
    this.#schedule();
  }

  /** Everything that a unary call answers, which is mostly short: one copy. */
  whole(stream: SendingStream, headers: Buffer, data: Buffer, trailers: Buffer): void {
    const { length } = data;
    if (
      length > COPY_BYTES ||
      length > stream.sendWindowBytes ||
      length > this.windowBytes ||
      this.tableSizeDue ||
      this.#ready.size > 0 ||
      headers.length > COPY_BYTES ||
      trailers.length > COPY_BYTES ||
      !this.hasRoom
    ) {
      this.headers(stream.id, headers, false);
      this.data(stream, data);
      this.end(stream, trailers);
      return;
    }
    stream.sendWindowBytes -= length;
    this.windowBytes -= length;
    this.progress++;
    const { id } = stream;
    let at = this.#outbox.reserve(
      3 * FRAME_HEADER_BYTES + headers.length + length + trailers.length,
    );
    const { bytes } = this.#outbox;
    at = writeFrameHeader(bytes, at, headers.length, Frame.HEADERS, Flag.END_HEADERS, id);
    bytes.set(headers, at);
    at = writeFrameHeader(bytes, at + headers.length, length, Frame.DATA, 0, id);
    bytes.set(data, at);
    const flags = Flag.END_HEADERS | Flag.END_STREAM;
    at = writeFrameHeader(bytes, at + length, trailers.length, Frame.HEADERS, flags, id);
    bytes.set(trailers, at);
    this.#schedule();
    stream.sentEnd();
  }

  data(stream: SendingStream, bytes: Buffer): void {
    if (bytes.length === 0) return;
    stream.queue.push(bytes);
    stream.queuedBytes += bytes.length;
    if (this.#ready.size === 0 && this.hasRoom) this.#transmit(stream, Number.POSITIVE_INFINITY);
    this.resumed(stream);
  }

  /** Ends the stream after what it has queued. */
  end(stream: SendingStream, trailers: Buffer): void {
    stream.trailers = trailers;
    if (stream.queuedBytes === 0) this.#sendTrailers(stream, trailers);
  }

  /** Its window, or the connection's, may have opened. */
  resumed(stream: SendingStream): void {
    if (stream.queuedBytes === 0 || stream.sendWindowBytes <= 0) return;
    this.#ready.add(stream);
    this.#schedule();
  }

  /** The connection's window has opened. */
  windowOpened(): void {
    if (this.#ready.size > 0) this.#schedule();
  }

  /** Nothing more is sent of it. */
  forget(stream: SendingStream): void {
    if (stream.queuedBytes > 0) this.#ready.delete(stream);
    stream.queue.length = 0;
    stream.queuedBytes = 0;
    stream.trailers = undefined;
  }

  #takeTurns(): void {
    while (this.windowBytes > 0 && this.#ready.size > 0 && this.hasRoom) {
      for (const stream of this.#ready) {
        this.#ready.delete(stream);
        this.#transmit(stream, TURN_BYTES);
        if (stream.queuedBytes > 0) {
          if (stream.sendWindowBytes > 0) this.#ready.add(stream);
        } else if (stream.trailers) {
          this.#sendTrailers(stream, stream.trailers);
        } else {
          stream.drained();
        }
        break;
      }
    }
  }

  #transmit(stream: SendingStream, turnBytes: number): void {
    let left = turnBytes;
    for (let piece = stream.queue[0]; piece; piece = stream.queue[0]) {
      const take = Math.min(
        piece.length - stream.sentOfFirst,
        this.maxFrameBytes,
        stream.sendWindowBytes,
        this.windowBytes,
        left,
      );
      if (take <= 0 || !this.hasRoom) return;
      const from = stream.sentOfFirst;
      const whole = take === piece.length;
      this.#frame(Frame.DATA, 0, stream.id, whole ? piece : piece.subarray(from, from + take));
      this.#schedule();
      left -= take;
      stream.sendWindowBytes -= take;
      this.windowBytes -= take;
      stream.queuedBytes -= take;
      stream.sentOfFirst += take;
      if (stream.sentOfFirst < piece.length) continue;
      stream.queue.shift();
      stream.sentOfFirst = 0;
    }
  }

  #sendTrailers(stream: SendingStream, trailers: Buffer): void {
    stream.trailers = undefined;
    this.headers(stream.id, trailers, true);
    stream.sentEnd();
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    this.progress++;
    const copied = payload.length <= COPY_BYTES;
    const at = this.#outbox.reserve(FRAME_HEADER_BYTES + (copied ? payload.length : 0));
    const { bytes } = this.#outbox;
    const start = writeFrameHeader(bytes, at, payload.length, type, flags, streamId);
    if (copied) bytes.set(payload, start);
    else this.#outbox.push(payload);
  }
}

/**
 * The server's end of one HTTP/2 connection (RFC 9113), on a socket that speaks plain
 * TCP or TLS. What a client does wrong costs it the stream or the connection; nothing
 * is thrown at anybody else.
 */
import type { Socket } from "node:net";
import type { ConnectionOptions } from "./connection-options.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FrameParser } from "./frame-parser.ts";
import { frame, goawayFrame, numberFrame, settingsFrame } from "./frames.ts";
import { MAX_HEADER_LIST_BYTES } from "./header-reader.ts";
import { type FrameHandler, Inbound } from "./inbound.ts";
import {
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  Frame,
  LARGEST_WINDOW_BYTES,
  type RequestHeaders,
  Setting,
} from "./protocol.ts";
import { Sender } from "./sender.ts";
import type { Stream, StreamHost } from "./stream.ts";

export interface ConnectionListener {
  /** A request has begun. @param ended it has no body. */
  request(stream: Stream, headers: RequestHeaders, ended: boolean): void;
  pinged(): void;
  /** What came in at once has been handed on. */
  pause?(): void;
  /** The client broke a rule and is being sent away. */
  refused(reason: string): void;
  /** Something threw that should not have. */
  failed(error: unknown): void;
  /** Comes last, once, after all streams were closed. */
  closed(): void;
}

/** A client that was sent away has this long to hear why, ms. */
const LINGER_MS = 200;
/** A client that is asked to leave learns within this time which of its calls were taken, ms. */
const LAST_STREAM_MS = 1_000;
/** The first SETTINGS have to come within this time, and all of a frame or a header block that has begun; DATA may take longer; ms. */
const HANDSHAKE_MS = 10_000;
/** A client that is behind with reading its last answers has this long, ms. */
const LAST_ANSWERS_MS = 30_000;
const LEAVE_PING: Buffer = Buffer.from("leaving.");
const KEEPALIVE_PING: Buffer = Buffer.from("keepaliv");

export class Http2Connection implements StreamHost, FrameHandler {
  readonly sender: Sender;
  readonly options: ConnectionOptions;
  readonly floods: FloodGuard;
  readonly streams = new Map<number, Stream>();
  /** Highest stream of the client. */
  lastStreamId = 0;
  /** The client was told which stream was the last; later ones are not looked at. */
  finalStreamId = LARGEST_WINDOW_BYTES;
  /** The client was asked to open no more streams. */
  leaving = false;
  closed = false;
  /** `now`, ms, when the last chunk was read. */
  readAt = 0;
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #inbound: Inbound;
  readonly #parser: FrameParser;
  #refused = false;
  #pong: (() => void) | undefined = undefined;
  readonly #handshake: NodeJS.Timeout;
  #leaveTimer: NodeJS.Timeout | undefined = undefined;
  /** What came of it is not all: the header block, or the number of the frame. */
  #unfinished: object | number | undefined = undefined;
  /** `now`, ms */
  #unfinishedSince = 0;
  #unfinishedTimer: NodeJS.Timeout | undefined = undefined;
  #progressAtPing = 0;

  constructor(socket: Socket, options: ConnectionOptions, listener: ConnectionListener) {
    this.#socket = socket;
    this.options = options;
    this.#listener = listener;
    this.sender = new Sender(socket);
    this.floods = new FloodGuard(options.now);
    this.#inbound = new Inbound(this);
    this.#parser = new FrameParser(this.#inbound, options.maxFrameBytes);
    this.#handshake = setTimeout(() => this.cut(), HANDSHAKE_MS).unref();
    socket.setNoDelay(true);
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => this.#socketClosed());
    socket.on("data", this.#onData);
    this.sender.control(
      settingsFrame([
        [Setting.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams],
        [Setting.INITIAL_WINDOW_SIZE, options.streamWindowBytes],
        [Setting.MAX_FRAME_SIZE, options.maxFrameBytes],
        [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES],
      ]),
    );
    const more = options.receiveWindowBytes - DEFAULT_WINDOW_BYTES;
    if (more > 0) this.sender.control(numberFrame(Frame.WINDOW_UPDATE, 0, more));
  }

  /** Grows with every frame of an answer. */
  get progress(): number {
    return this.sender.progress;
  }

  get stuck(): boolean {
    return !this.sender.hasRoom;
  }

  // Ends -----------------------------------------------------------------------

  /** Lets the open streams finish. Streams that are on their way here are still taken. */
  leave(): void {
    if (this.leaving || this.closed) return;
    this.leaving = true;
    this.sender.control(goawayFrame(LARGEST_WINDOW_BYTES, ErrorCode.NO_ERROR, ""));
    // What the client sent before it heard of it is here once the PING is back.
    this.sender.control(frame(Frame.PING, 0, 0, LEAVE_PING));
    this.#leaveTimer = setTimeout(() => this.#nameLastStream(), LAST_STREAM_MS).unref();
  }

  #nameLastStream(): void {
    if (this.closed || this.finalStreamId !== LARGEST_WINDOW_BYTES) return;
    clearTimeout(this.#leaveTimer);
    this.finalStreamId = this.lastStreamId;
    this.sender.control(goawayFrame(this.lastStreamId, ErrorCode.NO_ERROR, ""));
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.streams.size > 0 || this.finalStreamId === LARGEST_WINDOW_BYTES || this.closed) return;
    this.sender.flush();
    this.#socket.end();
    this.#hangUp(LAST_ANSWERS_MS);
  }

  /** Once what was said has left, and at the latest after this time. */
  #hangUp(leftMs: number): void {
    this.#leaveTimer = setTimeout(() => {
      if (this.#socket.writableLength === 0 || leftMs <= 0) this.#socket.destroy();
      else this.#hangUp(leftMs - LAST_STREAM_MS);
    }, LAST_STREAM_MS).unref();
  }

  /** Closes the connection, and tells the client why. */
  refuse(code: number, reason: string): void {
    if (this.#refused || this.closed) return;
    this.#refused = true;
    this.#parser.stop();
    this.#socket.off("data", this.#onData);
    this.#socket.pause();
    this.sender.control(goawayFrame(this.#lastTaken, code, reason));
    this.sender.flush();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    this.#closeStreams();
  }

  /** What a client was told to be the last never rises (RFC 9113 §6.8). */
  get #lastTaken(): number {
    return Math.min(this.lastStreamId, this.finalStreamId);
  }

  cut(): void {
    if (this.closed) return;
    this.#parser.stop();
    if (!this.#refused) {
      this.sender.control(goawayFrame(this.#lastTaken, ErrorCode.NO_ERROR, ""));
      this.sender.flush();
    }
    this.#socket.destroy();
    this.#socketClosed();
  }

  #socketClosed(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.#handshake);
    clearTimeout(this.#leaveTimer);
    clearTimeout(this.#unfinishedTimer);
    this.#parser.stop();
    this.#closeStreams();
    this.#listener.closed();
  }

  #closeStreams(): void {
    for (const stream of [...this.streams.values()]) this.guarded(stream, () => stream.close());
  }

  // Input ----------------------------------------------------------------------

  readonly #onData = (chunk: Buffer): void => {
    this.sender.collect();
    this.readAt = this.options.now();
    try {
      this.#parser.push(chunk);
      this.#lookUnfinished();
    } catch (error) {
      if (error instanceof ConnectionError) {
        this.#listener.refused(error.message);
        this.refuse(error.code, error.message);
      } else {
        this.#listener.failed(error);
        this.refuse(ErrorCode.INTERNAL_ERROR, "");
      }
    }
    this.#listener.pause?.();
    this.sender.flush();
  };

  /** What is kept of a frame or a header block until the rest of it comes is not kept for ever. */
  #lookUnfinished(): void {
    const unfinished =
      this.#inbound.openBlock ?? (this.#parser.midFrame ? this.#parser.frames : undefined);
    if (unfinished === this.#unfinished) return;
    this.#unfinished = unfinished;
    if (unfinished === undefined) return;
    this.#unfinishedSince = this.options.now();
    if (this.#unfinishedTimer === undefined) this.#lookAgainIn(HANDSHAKE_MS);
  }

  #lookAgainIn(ms: number): void {
    // Where it was this process that stood still, the rest may be here and not yet read.
    const look = () => setImmediate(this.#unfinishedLong);
    this.#unfinishedTimer = setTimeout(look, ms).unref();
  }

  readonly #unfinishedLong = (): void => {
    this.#unfinishedTimer = undefined;
    if (this.#unfinished === undefined || this.closed) return;
    const leftMs = this.#unfinishedSince + HANDSHAKE_MS - this.options.now();
    if (leftMs > 0) {
      this.#lookAgainIn(leftMs);
      return;
    }
    const reason = "a frame or a header block that does not end";
    this.#listener.refused(reason);
    this.refuse(ErrorCode.ENHANCE_YOUR_CALM, reason);
  };

  /** Whatever is thrown here was this stream's: nobody else may notice. */
  guarded(stream: Stream, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#listener.failed(error);
      stream.reset(ErrorCode.INTERNAL_ERROR);
    }
  }

  opened(stream: Stream, headers: RequestHeaders, ended: boolean): void {
    try {
      this.#listener.request(stream, headers, ended);
    } catch (error) {
      this.#listener.failed(error);
      stream.reset(ErrorCode.INTERNAL_ERROR);
    }
  }

  greeted(): void {
    clearTimeout(this.#handshake);
  }

  pinged(payload: Buffer, acknowledged: boolean): void {
    if (!acknowledged) {
      // A client that measures the round trip (gRPC's in Go and C do) asks once per answer: no more than it was answered.
      if (this.sender.progress === this.#progressAtPing) this.floods.count("pings");
      this.#progressAtPing = this.sender.progress;
      this.sender.control(frame(Frame.PING, Flag.ACK, 0, payload));
      this.#listener.pinged();
    } else if (payload.equals(KEEPALIVE_PING)) {
      const pong = this.#pong;
      this.#pong = undefined;
      pong?.();
    } else if (this.leaving && payload.equals(LEAVE_PING)) {
      this.#nameLastStream();
    } else {
      this.floods.count("useless frames");
    }
  }

  /** Asks for a sign of life. */
  ping(pong: () => void): void {
    this.#pong = pong;
    this.sender.control(frame(Frame.PING, 0, 0, KEEPALIVE_PING));
  }

  // Streams --------------------------------------------------------------------

  giveBack(stream: Stream, bytes: number): void {
    this.#inbound.giveBack(stream, bytes);
  }

  sendReset(stream: Stream, code: number): void {
    this.#inbound.hasReset(stream.id);
    this.sender.control(numberFrame(Frame.RST_STREAM, stream.id, code));
  }

  left(stream: Stream): void {
    this.streams.delete(stream.id);
    this.#inbound.left(stream);
    if (this.leaving) this.#endIfIdle();
  }
}

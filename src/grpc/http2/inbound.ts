/** What frames of a client mean: the states of streams, and the windows it may fill. */
import type { ConnectionOptions } from "./connection-options.ts";
import type { FloodGuard } from "./flood-guard.ts";
import type { FrameSink } from "./frame-parser.ts";
import { frame, numberFrame } from "./frames.ts";
import { blockOf, HeaderBlock, MAX_BLOCK_BYTES } from "./header-block.ts";
import { HeaderReader } from "./header-reader.ts";
import {
  ConnectionError,
  ErrorCode,
  Flag,
  Frame,
  LARGEST_WINDOW_BYTES,
  type RequestHeaders,
} from "./protocol.ts";
import type { Sender } from "./sender.ts";
import { ClientSettings } from "./settings.ts";
import { Stream, type StreamHost } from "./stream.ts";

/** The connection that the frames are of. */
export interface FrameHandler extends StreamHost {
  readonly options: ConnectionOptions;
  readonly sender: Sender;
  readonly floods: FloodGuard;
  readonly streams: Map<number, Stream>;
  lastStreamId: number;
  readonly finalStreamId: number;
  opened(stream: Stream, headers: RequestHeaders, ended: boolean): void;
  guarded(stream: Stream, run: () => void): void;
  /** The first SETTINGS came. */
  greeted(): void;
  pinged(payload: Buffer, acknowledged: boolean): void;
}

/** Streams that we reset and the client may not yet know to be gone. */
const MAX_REMEMBERED_RESETS = 1_000;
/** Headers of the open streams of one connection, all together. */
const MAX_HEADERS_BYTES = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export class Inbound implements FrameSink {
  readonly #connection: FrameHandler;
  readonly #headers = new HeaderReader();
  readonly #settings: ClientSettings;
  readonly #reset = new Set<number>();
  #greeted = false;
  /** HEADERS that did not end yet. */
  #block: HeaderBlock | undefined = undefined;
  /** Of the DATA frame under way; undefined: nobody's. */
  #dataStream: Stream | undefined = undefined;
  #dataBytes = 0;
  #windowBytes: number;
  #takenBytes = 0;
  #headersBytes = 0;

  constructor(connection: FrameHandler) {
    this.#connection = connection;
    this.#settings = new ClientSettings(connection.sender);
    this.#windowBytes = connection.options.receiveWindowBytes;
  }

  /** The header block that has begun and not ended. */
  get openBlock(): object | undefined {
    return this.#block;
  }

  // DATA -----------------------------------------------------------------------

  dataBegin(streamId: number, payloadBytes: number): void {
    if (!this.#greeted || this.#block) throw broken("DATA where it does not belong");
    this.#dataBytes = payloadBytes;
    this.#windowBytes -= payloadBytes;
    if (this.#windowBytes < 0) throw overflow("the connection's window");
    // Held back is a stream, never the connection.
    this.#giveBackConnection(payloadBytes);
    const stream = this.#connection.streams.get(streamId);
    this.#dataStream = stream;
    if (!stream) {
      this.#strayData(streamId);
    } else if (stream.inputEnded) {
      this.#connection.floods.count("resets");
      this.#dataStream = undefined;
      stream.reset(ErrorCode.STREAM_CLOSED);
    } else {
      stream.receiveWindowBytes -= payloadBytes;
      if (stream.receiveWindowBytes < 0) {
        this.#connection.floods.count("resets");
        this.#dataStream = undefined;
        stream.reset(ErrorCode.FLOW_CONTROL_ERROR);
      }
    }
  }

  data(piece: Buffer): void {
    const stream = this.#dataStream;
    if (!stream || stream.closed) return;
    try {
      stream.received(piece);
    } catch (error) {
      this.#connection.guarded(stream, () => {
        throw error;
      });
    }
  }

  dataEnd(flags: number, paddingBytes: number): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    const end = (flags & Flag.END_STREAM) !== 0;
    if (this.#dataBytes === paddingBytes && !end)
      this.#connection.floods.count("empty DATA frames");
    if (!stream || stream.closed) return;
    if (paddingBytes > 0) this.giveBack(stream, paddingBytes);
    if (!end) return;
    try {
      stream.receivedEnd();
    } catch (error) {
      this.#connection.guarded(stream, () => {
        throw error;
      });
    }
  }

  #strayData(streamId: number): void {
    this.#checkOpened(streamId);
    this.#connection.floods.count("useless frames");
    if (this.#reset.has(streamId) || streamId > this.#connection.finalStreamId) return;
    this.hasReset(streamId);
    this.#connection.sender.control(
      numberFrame(Frame.RST_STREAM, streamId, ErrorCode.STREAM_CLOSED),
    );
  }

  giveBack(stream: Stream, bytes: number): void {
    stream.takenBytes += bytes;
    if (stream.inputEnded || stream.takenBytes < this.#connection.options.streamWindowBytes / 2) {
      return;
    }
    stream.receiveWindowBytes += stream.takenBytes;
    this.#connection.sender.control(numberFrame(Frame.WINDOW_UPDATE, stream.id, stream.takenBytes));
    stream.takenBytes = 0;
  }

  #giveBackConnection(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < this.#connection.options.receiveWindowBytes / 4) return;
    this.#windowBytes += this.#takenBytes;
    this.#connection.sender.control(numberFrame(Frame.WINDOW_UPDATE, 0, this.#takenBytes));
    this.#takenBytes = 0;
  }

  // Other frames ---------------------------------------------------------------

  frame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (!this.#greeted && type !== Frame.SETTINGS) throw broken("no SETTINGS first");
    if (this.#block && (type !== Frame.CONTINUATION || streamId !== this.#block.streamId)) {
      throw broken("a frame within a header block");
    }
    const length = end - start;
    if (type === Frame.HEADERS) this.#onHeaders(flags, streamId, bytes, start, end);
    else if (type === Frame.CONTINUATION) this.#onContinuation(flags, bytes, start, end);
    else if (type === Frame.WINDOW_UPDATE) {
      expectLength(type, length, 4);
      this.#onWindowUpdate(streamId, bytes.readUInt32BE(start) & 0x7fffffff);
    } else if (type === Frame.RST_STREAM) {
      expectLength(type, length, 4);
      this.#onReset(streamId);
    } else if (type === Frame.SETTINGS) {
      if (streamId !== 0) throw broken("SETTINGS of a stream");
      this.#onSettings(flags, bytes, start, end);
    } else if (type === Frame.PING) {
      expectLength(type, length, 8);
      if (streamId !== 0) throw broken("PING of a stream");
      this.#connection.pinged(bytes.subarray(start, end), (flags & Flag.ACK) !== 0);
    } else if (type === Frame.GOAWAY) {
      if (streamId !== 0) throw broken("GOAWAY of a stream");
      if (length < 8) expectLength(type, length, 8);
      this.#connection.floods.count("useless frames");
    } else if (type === Frame.PUSH_PROMISE) {
      throw broken("PUSH_PROMISE of a client");
    } else {
      if (type === Frame.PRIORITY) expectLength(type, length, 5);
      this.#connection.floods.count("useless frames");
    }
  }

  #onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId % 2 === 0) throw broken(`HEADERS of stream ${streamId}`);
    const { from, to } = blockOf(flags, bytes, start, end);
    if (flags & Flag.END_HEADERS) {
      if (to - from > MAX_BLOCK_BYTES) throw broken("headers too long");
      this.#onBlock(flags, streamId, bytes, from, to);
    } else {
      this.#block = new HeaderBlock(streamId, flags);
      this.#block.add(bytes, from, to);
    }
  }

  #onContinuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (!block) throw broken("CONTINUATION of nothing");
    block.add(bytes, start, end);
    if (!(flags & Flag.END_HEADERS)) return;
    this.#block = undefined;
    const whole = block.whole();
    this.#onBlock(block.flags, block.streamId, whole, 0, whole.length);
  }

  #onBlock(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    const ended = (flags & Flag.END_STREAM) !== 0;
    if (streamId <= connection.lastStreamId) {
      this.#onTrailers(ended, streamId, bytes, start, end);
      return;
    }
    connection.lastStreamId = streamId;
    // Refused or not, it may change the table that later blocks refer to.
    const read = this.#headers.read(bytes, start, end, false);
    if (streamId > connection.finalStreamId) return;
    if ("fault" in read) {
      this.#refuse(streamId, ErrorCode.PROTOCOL_ERROR);
    } else if (
      connection.streams.size >= connection.options.maxConcurrentStreams ||
      this.#headersBytes + read.ownBytes > MAX_HEADERS_BYTES
    ) {
      this.#refuse(streamId, ErrorCode.REFUSED_STREAM);
    } else {
      const { streamWindowBytes } = connection.options;
      const windowBytes = this.#settings.streamWindowBytes;
      const stream = new Stream(connection, streamId, streamWindowBytes, windowBytes);
      stream.inputEnded = ended;
      stream.headersBytes = read.ownBytes;
      this.#headersBytes += read.ownBytes;
      connection.streams.set(streamId, stream);
      connection.opened(stream, read.headers, ended);
    }
  }

  left({ headersBytes }: Stream): void {
    this.#headersBytes -= headersBytes;
  }

  #onTrailers(ended: boolean, streamId: number, bytes: Buffer, start: number, end: number): void {
    const read = this.#headers.read(bytes, start, end, true);
    const stream = this.#connection.streams.get(streamId);
    if (!stream) {
      if (!this.#reset.has(streamId) && streamId <= this.#connection.finalStreamId) {
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, "HEADERS of a stream that has ended");
      }
      this.#connection.floods.count("useless frames");
    } else if (stream.inputEnded) {
      this.#connection.floods.count("resets");
      stream.reset(ErrorCode.STREAM_CLOSED);
    } else if ("fault" in read || !ended) {
      this.#connection.floods.count("resets");
      stream.reset(ErrorCode.PROTOCOL_ERROR);
    } else {
      this.#connection.guarded(stream, () => stream.receivedEnd());
    }
  }

  #refuse(streamId: number, code: number): void {
    this.#connection.floods.count("resets");
    this.hasReset(streamId);
    this.#connection.sender.control(numberFrame(Frame.RST_STREAM, streamId, code));
  }

  #onReset(streamId: number): void {
    this.#checkOpened(streamId);
    const stream = this.#connection.streams.get(streamId);
    // A client that was answered early resets what it was still sending, in good faith.
    this.#connection.floods.count(stream ? "resets" : "useless frames");
    if (stream) this.#connection.guarded(stream, () => stream.close());
    // Later frames of it are still wrong, but not worth more than being ignored.
    this.hasReset(streamId);
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    const { sender, streams } = this.#connection;
    if (streamId === 0) {
      if (bytes === 0) throw broken("WINDOW_UPDATE of nothing");
      sender.windowBytes += bytes;
      if (sender.windowBytes > LARGEST_WINDOW_BYTES) throw overflow("the window of the client");
      sender.windowOpened();
      return;
    }
    const stream = streams.get(streamId);
    if (!stream) {
      this.#checkOpened(streamId);
      return;
    }
    const windowBytes = stream.sendWindowBytes + bytes;
    if (bytes === 0 || windowBytes > LARGEST_WINDOW_BYTES) {
      this.#connection.floods.count("resets");
      stream.reset(bytes === 0 ? ErrorCode.PROTOCOL_ERROR : ErrorCode.FLOW_CONTROL_ERROR);
      return;
    }
    stream.sendWindowBytes = windowBytes;
    sender.resumed(stream);
  }

  #onSettings(flags: number, bytes: Buffer, start: number, end: number): void {
    if (flags & Flag.ACK) {
      expectLength(Frame.SETTINGS, end - start, 0);
      if (!this.#greeted) throw broken("no SETTINGS first");
      this.#connection.floods.count("settings");
      return;
    }
    this.#connection.floods.count("settings");
    const change = this.#settings.apply(bytes, start, end);
    const { sender, streams } = this.#connection;
    sender.control(frame(Frame.SETTINGS, Flag.ACK, 0, NOTHING));
    if (!this.#greeted) this.#connection.greeted();
    this.#greeted = true;
    if (change === 0) return;
    for (const stream of streams.values()) {
      stream.sendWindowBytes += change;
      if (stream.sendWindowBytes > LARGEST_WINDOW_BYTES) throw overflow("the window of a stream");
      sender.resumed(stream);
    }
  }

  /** Only a client that does not count right speaks of streams that it never opened. */
  #checkOpened(streamId: number): void {
    if (streamId === 0 || streamId % 2 === 0 || streamId > this.#connection.lastStreamId) {
      throw broken(`stream ${streamId} was never opened`);
    }
  }

  /** Frames of the stream that are still on their way are ignored. */
  hasReset(streamId: number): void {
    this.#reset.add(streamId);
    if (this.#reset.size <= MAX_REMEMBERED_RESETS) return;
    for (const oldest of this.#reset) {
      this.#reset.delete(oldest);
      return;
    }
  }
}

function broken(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, what);
}

function overflow(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `${what} overflows`);
}

function expectLength(type: number, length: number, expected: number): void {
  if (length === expected) return;
  throw new ConnectionError(
    ErrorCode.FRAME_SIZE_ERROR,
    `a frame of type ${type} and ${length} bytes`,
  );
}

/**
 * A client's connection at an edge, as the rest of the transport knows connections: streams with requests that come in and
 * answers that go out. HTTP/2 itself, its windows and its floods are the edge's.
 */
import type { ConnectionListener } from "../http2/connection.ts";
import { ErrorCode, type RequestHeaders } from "../http2/protocol.ts";
import { Stream, type StreamHost, type StreamSender } from "../http2/stream.ts";
import type { Link } from "../transport/connection.ts";
import type { Line } from "./line.ts";
import {
  ANSWER_HEAD_BYTES,
  Asked,
  DEFINES,
  FLAG,
  number,
  readHeaders,
  SLOTS,
  Told,
} from "./words.ts";

/** Longer answers are followed until they have left. */
const SHORT_ANSWER_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

export class EdgeConnection implements Link, StreamHost, StreamSender {
  leaving = false;
  closed = false;
  stuck = false;
  progress = 0;
  readonly sender: StreamSender = this;
  readonly #id: number;
  readonly #line: Line;
  readonly #listener: ConnectionListener;
  readonly #streamWindowBytes: number;
  readonly #streams = new Map<number, Stream>();
  readonly #headers: RequestHeaders[] = new Array(SLOTS).fill({});
  #refused = false;
  #pong: (() => void) | undefined = undefined;

  /** @param id of the connection on the line. @param streamWindowBytes what the edge's clients may send ahead */
  constructor(id: number, line: Line, streamWindowBytes: number, listener: ConnectionListener) {
    this.#id = id;
    this.#line = line;
    this.#streamWindowBytes = streamWindowBytes;
    this.#listener = listener;
  }

  get readAt(): number {
    return this.#line.readAt;
  }

  // What the edge tells ------------------------------------------------------------

  /** A word of it; its payload is `bytes[start, end)`. */
  told(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    // What was on its way here when it was refused is as if it had never come.
    if (this.closed || this.#refused) return;
    if (type === Told.REQUEST) this.#begin(flags, streamId, bytes, start, end);
    else if (type === Told.PINGED) this.#listener.pinged();
    else if (type === Told.PONG) this.#ponged();
    else if (type === Told.STUCK) this.stuck = (flags & FLAG) !== 0;
    else {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) return;
      try {
        if (type === Told.DATA) stream.received(bytes.subarray(start, end));
        else if (type === Told.END) stream.receivedEnd();
        else if (type === Told.GONE) stream.close();
        else if (type === Told.TAKEN) this.#taken(stream, bytes.readUInt32BE(start));
      } catch (error) {
        this.#failed(stream, error);
      }
    }
  }

  #begin(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const slot = bytes[start] ?? 0;
    let bodyAt = start + 1;
    if (flags & DEFINES) {
      const headersAt = bodyAt + 4;
      bodyAt = headersAt + bytes.readUInt32BE(start + 1);
      this.#headers[slot] = readHeaders(bytes, headersAt, bodyAt);
    }
    const last = (flags & FLAG) !== 0;
    const ended = last && bodyAt === end;
    const stream = new Stream(this, streamId, 0, 0);
    stream.inputEnded = ended;
    this.#streams.set(streamId, stream);
    try {
      this.#listener.request(stream, this.#headers[slot] ?? {}, ended);
      if (bodyAt === end || stream.closed) return;
      stream.received(bytes.subarray(bodyAt, end));
      if (last) stream.receivedEnd();
    } catch (error) {
      this.#failed(stream, error);
    }
  }

  #ponged(): void {
    const pong = this.#pong;
    this.#pong = undefined;
    pong?.();
  }

  #taken(stream: Stream, bytes: number): void {
    this.progress++;
    stream.queuedBytes = Math.max(0, stream.queuedBytes - bytes);
    if (stream.queuedBytes > 0) return;
    if (stream.trailers === undefined) stream.drained();
    else stream.sentEnd();
  }

  /** Whatever was thrown was this stream's: nobody else may notice. */
  #failed(stream: Stream, error: unknown): void {
    this.#listener.failed(error);
    stream.reset(ErrorCode.INTERNAL_ERROR);
  }

  // What the gateway answers -------------------------------------------------------

  headers(streamId: number, block: Buffer, end: boolean): void {
    this.progress++;
    this.#line.say(Asked.RESPOND, this.#id, streamId, block, end ? FLAG : 0);
  }

  data(stream: Stream, bytes: Buffer): void {
    if (bytes.length === 0) return;
    stream.queuedBytes += bytes.length;
    this.#line.sayBytes(Asked.WRITE, this.#id, stream.id, bytes);
  }

  end(stream: Stream, trailers: Buffer): void {
    this.progress++;
    stream.trailers = trailers;
    this.#line.say(Asked.FINISH, this.#id, stream.id, trailers);
    if (stream.queuedBytes === 0) stream.sentEnd();
  }

  whole(stream: Stream, headers: Buffer, data: Buffer, trailers: Buffer): void {
    const long =
      data.length > SHORT_ANSWER_BYTES ||
      headers.length > SHORT_ANSWER_BYTES ||
      trailers.length > SHORT_ANSWER_BYTES;
    if (long || this.stuck || this.#line.full) {
      this.headers(stream.id, headers, false);
      this.data(stream, data);
      this.end(stream, trailers);
      return;
    }
    this.progress++;
    const length = ANSWER_HEAD_BYTES + headers.length + trailers.length + data.length;
    let at = this.#line.reserve(Asked.ANSWER, 0, this.#id, stream.id, length, length);
    const { bytes } = this.#line;
    at = bytes.writeUInt16BE(headers.length, at);
    at = bytes.writeUInt16BE(trailers.length, at);
    bytes.set(headers, at);
    bytes.set(trailers, at + headers.length);
    bytes.set(data, at + headers.length + trailers.length);
    stream.trailers = NOTHING;
    stream.sentEnd();
  }

  forget(stream: Stream): void {
    stream.queuedBytes = 0;
  }

  giveBack(stream: Stream, bytes: number): void {
    stream.takenBytes += bytes;
    if (stream.inputEnded || stream.takenBytes < this.#streamWindowBytes / 2) return;
    this.#line.say(Asked.GIVE_BACK, this.#id, stream.id, number(stream.takenBytes));
    stream.takenBytes = 0;
  }

  sendReset(stream: Stream, code: number): void {
    // Behind trailers the edge does it by itself, once they have left.
    if (stream.trailers !== undefined && code === ErrorCode.NO_ERROR) return;
    this.#line.say(Asked.RESET, this.#id, stream.id, number(code));
  }

  left(stream: Stream): void {
    this.#streams.delete(stream.id);
  }

  // The connection -----------------------------------------------------------------

  leave(): void {
    if (this.leaving || this.closed) return;
    this.leaving = true;
    this.#line.say(Asked.LEAVE, this.#id);
  }

  cut(): void {
    if (this.closed) return;
    this.#line.say(Asked.CUT, this.#id);
    this.gone();
  }

  refuse(code: number, reason: string): void {
    if (this.closed || this.#refused) return;
    this.#refused = true;
    this.#listener.refused(reason);
    this.#line.say(Asked.REFUSE, this.#id, 0, Buffer.concat([number(code), Buffer.from(reason)]));
    this.#closeStreams();
  }

  ping(pong: () => void): void {
    this.#pong = pong;
    this.#line.say(Asked.PING, this.#id);
  }

  /** The client has left, or its edge has died. */
  gone(): void {
    if (this.closed) return;
    this.closed = true;
    this.#closeStreams();
    this.#listener.closed();
  }

  #closeStreams(): void {
    for (const stream of [...this.#streams.values()]) {
      try {
        stream.close();
      } catch (error) {
        this.#failed(stream, error);
      }
    }
  }
}

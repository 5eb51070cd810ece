/**
 * One HTTP/2 connection that sends the same unary gRPC request over and over.
 *
 * It writes and reads frames itself: `node:http2` would cost as much per
 * request as the server it is to measure, and a client that shares the server's
 * cores would then measure itself. Of an answer it keeps the number of bytes,
 * `grpc-status` and, for errors, `grpc-message`.
 */
import { connect, type Socket } from "node:net";
import {
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FrameCutter,
  frame,
  LARGEST_WINDOW_BYTES,
  PREFACE,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from "./frames.ts";
import { HpackDecoder } from "./hpack.ts";
import { errorOf, type OpenCall } from "./open-call.ts";
import { Outbox } from "./outbox.ts";
import { PeerSettings } from "./peer-settings.ts";
import { type RequestTemplate, requestTemplate, type UnaryRequest } from "./request-template.ts";

export interface Answer {
  /** As given to `send`. */
  readonly startedAt: number;
  /** Bytes of DATA, gRPC's prefix included. */
  readonly bytes: number;
  /** undefined where the call went as it should. */
  readonly error: string | undefined;
}

export interface ConnectionEvents {
  answered(answer: Answer): void;
  /** No further `send`: the server said GOAWAY, or the socket is gone. Calls in flight still get their `answered`. */
  ended(reason: string): void;
}

const READ_BYTES = 256 * 1024;
const CONNECT_LIMIT_MS = 10_000;

export class RawConnection {
  readonly #events: ConnectionEvents;
  readonly #request: UnaryRequest;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, OpenCall>();
  /** Streams whose body waits for a window, oldest first. */
  readonly #blocked = new Set<number>();
  #template: RequestTemplate | undefined;
  #nextStream = 1;
  readonly #peer = new PeerSettings();
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #unacknowledgedBytes = 0;
  #headerStream: OpenCall | undefined;
  #splitBlock: Buffer | undefined;
  #splitFlags = 0;
  #endReason: string | undefined;
  #onSettings: (() => void) | undefined;

  /** Resolves once the server's settings are known. */
  static async open(
    host: string,
    port: number,
    request: UnaryRequest,
    events: ConnectionEvents,
  ): Promise<RawConnection> {
    const connection = new RawConnection(host, port, request, events);
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        connection.close();
        reject(new Error(`${host}:${port}: no HTTP/2 settings within ${CONNECT_LIMIT_MS} ms`));
      }, CONNECT_LIMIT_MS);
      connection.#onSettings = () => {
        clearTimeout(late);
        if (connection.#endReason === undefined) resolve();
        else reject(new Error(`${host}:${port}: ${connection.#endReason}`));
      };
    });
    return connection;
  }

  private constructor(host: string, port: number, request: UnaryRequest, events: ConnectionEvents) {
    this.#events = events;
    this.#request = request;
    const cutter = new FrameCutter({
      data: (stream, bytes) => this.#onData(stream, bytes),
      frame: (type, flags, stream, bytes, start, end) =>
        this.#onFrame(type, flags, stream, bytes, start, end),
    });
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          cutter.push(buffer.subarray(0, length));
          this.flush();
          return true;
        },
      },
    });
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => {
      this.#end("connection closed");
      for (const stream of [...this.#streams.keys()]) this.#finish(stream, "connection closed");
    });
    this.#outbox = new Outbox(this.#socket);
    this.#outbox.push(PREFACE);
    this.#outbox.push(
      settingsFrame([
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.INITIAL_WINDOW_SIZE, LARGEST_WINDOW_BYTES],
      ]),
    );
    this.#outbox.push(windowUpdateFrame(0, LARGEST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
    this.#outbox.flush();
  }

  get open(): number {
    return this.#streams.size;
  }

  /** Streams that the server allows at once. */
  get maxStreams(): number {
    return this.#peer.maxStreams;
  }

  get usable(): boolean {
    return this.#endReason === undefined;
  }

  /** Writes one request, to leave with the next `flush`. Only while `usable`. */
  send(startedAt: number): void {
    const number = this.#nextStream;
    this.#nextStream += 2;
    this.#template ??= requestTemplate(this.#request, this.#peer);
    const { whole, streamAt, body, firstHeaders, laterHeaders } = this.#template;
    const stream: OpenCall = {
      startedAt,
      bytes: 0,
      grpcStatus: "",
      grpcMessage: "",
      httpStatus: "",
      sent: body.length,
      windowBytes: this.#peer.streamWindowBytes,
    };
    this.#streams.set(number, stream);
    const fits = body.length <= stream.windowBytes && body.length <= this.#sendWindow;
    if (fits && number > 1 && this.#blocked.size === 0) {
      const room = this.#outbox.room(whole.length);
      room.set(whole);
      for (const at of streamAt) room.writeUInt32BE(number, at);
      this.#sendWindow -= body.length;
      stream.windowBytes -= body.length;
      return;
    }
    const room = this.#outbox.room((number === 1 ? firstHeaders : laterHeaders).length);
    room.set(number === 1 ? firstHeaders : laterHeaders);
    room.writeUInt32BE(number, 5);
    stream.sent = 0;
    this.#blocked.add(number);
    this.#sendBodies();
  }

  flush(): void {
    this.#outbox.flush();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends of each waiting body what the windows allow. */
  #sendBodies(): void {
    const body = this.#template?.body ?? Buffer.alloc(0);
    for (const number of this.#blocked) {
      if (this.#sendWindow <= 0) return;
      const stream = this.#streams.get(number);
      while (stream && stream.sent < body.length) {
        const take = Math.min(
          body.length - stream.sent,
          this.#peer.maxFrameBytes,
          stream.windowBytes,
          this.#sendWindow,
        );
        if (take <= 0) break;
        const piece = body.subarray(stream.sent, stream.sent + take);
        stream.sent += take;
        stream.windowBytes -= take;
        this.#sendWindow -= take;
        const last = stream.sent === body.length;
        this.#outbox.push(frame(FRAME.DATA, last ? FLAG.END_STREAM : 0, number, piece));
      }
      if (!stream || stream.sent === body.length) this.#blocked.delete(number);
    }
  }

  #onData(number: number, bytes: number): void {
    const stream = this.#streams.get(number);
    if (stream) stream.bytes += bytes;
    this.#unacknowledgedBytes += bytes;
    if (this.#unacknowledgedBytes > LARGEST_WINDOW_BYTES / 2) {
      this.#outbox.push(windowUpdateFrame(0, this.#unacknowledgedBytes));
      this.#unacknowledgedBytes = 0;
    }
  }

  #onFrame(
    type: number,
    flags: number,
    number: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (type === FRAME.DATA) {
      if (flags & FLAG.END_STREAM) this.#finish(number, undefined);
    } else if (type === FRAME.HEADERS) {
      let from = start;
      let to = end;
      if (flags & FLAG.PADDED) {
        to -= bytes[from] ?? 0;
        from += 1;
      }
      if (flags & FLAG.PRIORITY) from += 5;
      if (flags & FLAG.END_HEADERS) this.#onHeaders(number, flags, bytes, from, to);
      else {
        this.#splitBlock = Buffer.from(bytes.subarray(from, to));
        this.#splitFlags = flags;
      }
    } else if (type === FRAME.CONTINUATION) {
      const block = Buffer.concat([
        this.#splitBlock ?? Buffer.alloc(0),
        bytes.subarray(start, end),
      ]);
      this.#splitBlock = block;
      if (flags & FLAG.END_HEADERS) {
        this.#onHeaders(number, this.#splitFlags, block, 0, block.length);
      }
    } else if (type === FRAME.WINDOW_UPDATE) {
      this.#onWindowUpdate(number, bytes.readUInt32BE(start) & 0x7fffffff);
    } else if (type === FRAME.RST_STREAM) {
      this.#finish(number, `stream reset by the server, code ${bytes.readUInt32BE(start)}`);
    } else if (type === FRAME.SETTINGS) {
      if (!(flags & FLAG.ACK)) this.#onSettingsFrame(bytes, start, end);
    } else if (type === FRAME.PING) {
      if (!(flags & FLAG.ACK)) {
        this.#outbox.push(frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(start, end)));
      }
    } else if (type === FRAME.GOAWAY) {
      this.#onGoaway(bytes.readUInt32BE(start) & 0x7fffffff, bytes.readUInt32BE(start + 4));
    }
  }

  #onHeaders(number: number, flags: number, bytes: Buffer, start: number, end: number): void {
    this.#headerStream = this.#streams.get(number);
    try {
      this.#hpack.decode(bytes, start, end, this.#onHeader);
    } catch (thrown) {
      this.#end(thrown instanceof Error ? thrown.message : String(thrown));
      this.close();
      return;
    }
    if (flags & FLAG.END_STREAM) this.#finish(number, undefined);
  }

  readonly #onHeader = (name: string, value: string): void => {
    const stream = this.#headerStream;
    if (!stream) return;
    if (name === "grpc-status") stream.grpcStatus = value;
    else if (name === ":status") stream.httpStatus = value;
    else if (name === "grpc-message") stream.grpcMessage = value;
  };

  #onWindowUpdate(number: number, bytes: number): void {
    if (number === 0) this.#sendWindow += bytes;
    else {
      const stream = this.#streams.get(number);
      if (stream) stream.windowBytes += bytes;
    }
    if (this.#blocked.size > 0) this.#sendBodies();
  }

  #onSettingsFrame(bytes: Buffer, start: number, end: number): void {
    const change = this.#peer.apply(bytes, start, end);
    for (const stream of this.#streams.values()) stream.windowBytes += change;
    this.#outbox.push(frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
    if (this.#blocked.size > 0) this.#sendBodies();
    this.#onSettings?.();
    this.#onSettings = undefined;
  }

  #onGoaway(lastStream: number, code: number): void {
    this.#end(`GOAWAY, code ${code}`);
    for (const number of [...this.#streams.keys()]) {
      if (number > lastStream) this.#finish(number, `GOAWAY, code ${code}, before the request`);
    }
  }

  #finish(number: number, failure: string | undefined): void {
    const stream = this.#streams.get(number);
    if (!stream) return;
    this.#streams.delete(number);
    this.#blocked.delete(number);
    const { startedAt, bytes } = stream;
    this.#events.answered({ startedAt, bytes, error: failure ?? errorOf(stream) });
  }

  #end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#onSettings?.();
    this.#onSettings = undefined;
    this.#events.ended(reason);
  }
}

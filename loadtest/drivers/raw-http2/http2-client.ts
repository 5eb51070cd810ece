/**
 * One HTTP/2 connection of a client, below calls: frames, settings, header
 * tables, flow control.
 *
 * It writes and reads frames itself: `node:http2` would cost as much per
 * request as the server it is to measure, and a client that shares the server's
 * cores would then measure itself.
 */
import type { Socket } from "node:net";
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
import { type Address, openSocket } from "./open-socket.ts";
import { Outbox } from "./outbox.ts";
import { PeerSettings } from "./peer-settings.ts";

/** The client's side of one stream. The connection calls it; nothing here may throw. */
export interface ClientStream {
  /** How many bytes of DATA the server still takes on it. */
  windowBytes: number;
  /** Payload of DATA; the bytes are valid during the call only. */
  data(bytes: Buffer, start: number, end: number): void;
  header(name: string, value: string): void;
  /** It is over, in order (undefined) or for this reason. */
  over(failure: string | undefined): void;
  /** Sends what the windows allow. @returns true when nothing waits any more */
  pump(): boolean;
}

export interface ConnectionEvents {
  /** No further stream: the server said GOAWAY, or the socket is gone. Streams under way still get their `over`. */
  ended(reason: string): void;
  /** A read is done: whatever it brought has been handed on, what it caused can be flushed. */
  read?(): void;
}

const CONNECT_LIMIT_MS = 10_000;

export class Http2Client {
  readonly peer = new PeerSettings();
  readonly outbox: Outbox;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, ClientStream>();
  /** Streams whose DATA waits for a window, oldest first. */
  readonly #blocked = new Map<number, ClientStream>();
  #nextStream = 1;
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #unacknowledgedBytes = 0;
  #headerStream: ClientStream | undefined;
  #splitBlock: Buffer | undefined;
  #splitFlags = 0;
  #endReason: string | undefined;
  #onSettings: (() => void) | undefined;

  /** Resolves once the server's settings are known. */
  static async open(address: Address, events: ConnectionEvents): Promise<Http2Client> {
    const client = new Http2Client(address, events);
    const name = `${address.host}:${address.port}`;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        client.close();
        reject(new Error(`${name}: no HTTP/2 settings within ${CONNECT_LIMIT_MS} ms`));
      }, CONNECT_LIMIT_MS);
      client.#onSettings = () => {
        clearTimeout(late);
        if (client.#endReason === undefined) resolve();
        else reject(new Error(`${name}: ${client.#endReason}`));
      };
    });
    return client;
  }

  private constructor(address: Address, events: ConnectionEvents) {
    this.#events = events;
    const cutter = new FrameCutter({
      data: (stream, bytes, start, end) => this.#onData(stream, bytes, start, end),
      frame: (type, flags, stream, bytes, start, end) =>
        this.#onFrame(type, flags, stream, bytes, start, end),
    });
    const take = (bytes: Buffer) => {
      cutter.push(bytes);
      events.read?.();
      this.flush();
    };
    this.#socket = openSocket(address, take);
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => {
      this.#end("connection closed");
      for (const stream of [...this.#streams.keys()]) this.#finish(stream, "connection closed");
    });
    this.outbox = new Outbox(this.#socket);
    this.outbox.push(PREFACE);
    this.outbox.push(
      settingsFrame([
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.INITIAL_WINDOW_SIZE, LARGEST_WINDOW_BYTES],
      ]),
    );
    this.outbox.push(windowUpdateFrame(0, LARGEST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
    this.outbox.flush();
  }

  /** Streams under way. */
  get open(): number {
    return this.#streams.size;
  }

  get usable(): boolean {
    return this.#endReason === undefined;
  }

  /** Bytes of DATA that the server takes on the connection. */
  get sendWindow(): number {
    return this.#sendWindow;
  }

  /** True while DATA of earlier streams waits: what comes later has to wait behind it. */
  get congested(): boolean {
    return this.#blocked.size > 0;
  }

  /** @returns the number of the new stream; the caller writes its HEADERS before anything else. */
  start(stream: ClientStream): number {
    const number = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(number, stream);
    return number;
  }

  /** DATA that the caller has put into the outbox by itself. */
  spend(stream: ClientStream, bytes: number): void {
    this.#sendWindow -= bytes;
    stream.windowBytes -= bytes;
  }

  /** Calls the stream's `pump` whenever a window grows, until it returns true. */
  block(number: number, stream: ClientStream): void {
    this.#blocked.set(number, stream);
    this.#pumpAll();
  }

  /** Puts what the windows allow of `bytes` from `start` into the outbox. @returns where it stopped */
  sendData(
    number: number,
    stream: ClientStream,
    bytes: Buffer,
    start: number,
    last: boolean,
  ): number {
    let at = start;
    while (at < bytes.length) {
      const room = Math.min(this.peer.maxFrameBytes, stream.windowBytes, this.#sendWindow);
      const take = Math.min(bytes.length - at, room);
      if (take <= 0) break;
      const flags = last && at + take === bytes.length ? FLAG.END_STREAM : 0;
      this.outbox.push(frame(FRAME.DATA, flags, number, bytes.subarray(at, at + take)));
      at += take;
      this.spend(stream, take);
    }
    return at;
  }

  flush(): void {
    this.outbox.flush();
  }

  close(): void {
    this.#socket.destroy();
  }

  #pumpAll(): void {
    for (const [number, stream] of this.#blocked) {
      if (this.#sendWindow <= 0) return;
      if (stream.pump()) this.#blocked.delete(number);
    }
  }

  #onData(number: number, bytes: Buffer, start: number, end: number): void {
    this.#streams.get(number)?.data(bytes, start, end);
    this.#unacknowledgedBytes += end - start;
    if (this.#unacknowledgedBytes > LARGEST_WINDOW_BYTES / 2) {
      this.outbox.push(windowUpdateFrame(0, this.#unacknowledgedBytes));
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
        this.outbox.push(frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(start, end)));
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
    this.#headerStream?.header(name, value);
  };

  #onWindowUpdate(number: number, bytes: number): void {
    if (number === 0) this.#sendWindow += bytes;
    else {
      const stream = this.#streams.get(number);
      if (stream) stream.windowBytes += bytes;
    }
    if (this.#blocked.size > 0) this.#pumpAll();
  }

  #onSettingsFrame(bytes: Buffer, start: number, end: number): void {
    const change = this.peer.apply(bytes, start, end);
    for (const stream of this.#streams.values()) stream.windowBytes += change;
    this.outbox.push(frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
    if (this.#blocked.size > 0) this.#pumpAll();
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
    if (this.#blocked.size > 0) this.#blocked.delete(number);
    stream.over(failure);
  }

  #end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#onSettings?.();
    this.#onSettings = undefined;
    this.#events.ended(reason);
  }
}

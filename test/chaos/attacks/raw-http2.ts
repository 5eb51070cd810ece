/** HTTP/2 frames written by hand: what no decent client library can be made to send. RFC 9113, RFC 7541. */
import { connect, type Socket } from "node:net";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const Frame = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return bytes;
}

/** Header block of a gRPC call, every field a literal without indexing, no Huffman code. */
export function callHeaders(path: string): Buffer {
  const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const field = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0]), literal(name), literal(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http: entries 3 and 6 of the static table
    field(":path", path),
    field(":authority", "localhost"),
    field("content-type", "application/grpc"),
    field("te", "trailers"),
  ]);
}

/** gRPC's length-prefixed message. */
export function grpcFrame(message: Uint8Array, declaredLength = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(declaredLength, 1);
  return Buffer.concat([head, message]);
}

export class RawHttp2 {
  readonly #socket: Socket;
  /** Why the peer (or the network) ended the connection. */
  ended: string | undefined;
  /** Error code with which the peer reset a stream, the last one. */
  streamReset: number | undefined;
  /** Bytes that may still be sent on the connection, and on the one stream in use. */
  connectionWindow = 65_535;
  streamWindow = 65_535;
  #initialWindow = 65_535;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#parse(chunk));
    socket.on("error", (error) => this.#end(error.message));
    socket.on("close", () => this.#end("closed"));
    socket.on("drain", () => this.#signal());
  }

  static open(port: number, greeting = true): Promise<RawHttp2> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        const raw = new RawHttp2(socket);
        if (greeting)
          raw.send(Buffer.concat([PREFACE, frame(Frame.SETTINGS, 0, 0, Buffer.alloc(0))]));
        resolve(raw);
      });
      socket.once("error", reject);
    });
  }

  /** @returns false when the socket's buffer is full: `await room()` then. */
  send(bytes: Uint8Array): boolean {
    if (this.ended !== undefined) return true;
    return this.#socket.write(bytes);
  }

  /** Waits for a window update, for the socket to drain, or for the end; at most `limitMs`. */
  async room(limitMs = 1000): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, limitMs);
      this.#wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** Stops reading: what the peer sends stays in its own buffers. */
  deafen(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #end(reason: string): void {
    this.ended ??= reason;
    this.#signal();
  }

  #parse(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 9) {
      const length = this.#received.readUIntBE(0, 3);
      if (this.#received.length < 9 + length) return;
      const payload = this.#received.subarray(9, 9 + length);
      this.#take(
        this.#received[3] ?? 0,
        this.#received[4] ?? 0,
        this.#received.readUInt32BE(5),
        payload,
      );
      this.#received = this.#received.subarray(9 + length);
    }
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === Frame.SETTINGS && flags !== Flag.ACK) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload.readUInt16BE(at) !== 4) continue; // SETTINGS_INITIAL_WINDOW_SIZE
        const initial = payload.readUInt32BE(at + 2);
        this.streamWindow += initial - this.#initialWindow;
        this.#initialWindow = initial;
      }
      this.send(frame(Frame.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    } else if (type === Frame.WINDOW_UPDATE) {
      if (stream === 0) this.connectionWindow += payload.readUInt32BE(0);
      else this.streamWindow += payload.readUInt32BE(0);
    } else if (type === Frame.GOAWAY) {
      this.ended ??= `GOAWAY ${payload.readUInt32BE(4)}`;
    } else if (type === Frame.RST_STREAM) {
      this.streamReset = payload.readUInt32BE(0);
    } else if (type === Frame.PING && flags !== Flag.ACK) {
      this.send(frame(Frame.PING, Flag.ACK, 0, payload));
    }
    this.#signal();
  }
}

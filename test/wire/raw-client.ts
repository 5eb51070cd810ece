/** A client that says exactly what it is told to, right or wrong, and reports what it heard. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";

export interface Heard {
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** NaN where no grpc-status came. */
  readonly grpcStatus: number;
  /** Decoded. */
  readonly grpcMessage: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number;
  readonly elapsedMs: number;
}

export interface Sent {
  readonly path?: string;
  /** Undefined values take a default header out. */
  readonly headers?: OutgoingHttpHeaders;
  readonly chunks?: readonly Uint8Array[];
  /** False: the stream is left half-sent. */
  readonly end?: boolean;
}

/** A message with its prefix. */
export function framed(message: string | Uint8Array, flag = 0): Buffer {
  const body = Buffer.from(message as Uint8Array);
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

export class RawClient {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  /** Error codes of GOAWAY frames. */
  readonly goaways: number[] = [];

  constructor(port: number, options: ClientSessionOptions = {}) {
    this.socket = connectSocket(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.session = connect(`http://127.0.0.1:${port}`, {
      maxSessionMemory: 10_000,
      createConnection: () => this.socket,
      ...options,
    });
    this.session.on("error", () => {});
    this.session.on("goaway", (code) => this.goaways.push(code));
  }

  get closed(): boolean {
    return this.session.destroyed;
  }

  /** The stream, for whoever wants to misuse it. */
  open({ path = "/test.Tested/Echo", headers = {} }: Sent = {}): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  async say({ chunks = [], end = true, ...sent }: Sent): Promise<Heard> {
    const stream = this.open(sent);
    for (const chunk of chunks) if (!stream.destroyed) stream.write(chunk);
    if (end) stream.end();
    return hear(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

/** Waits for the end of the stream. */
export function hear(stream: ClientHttp2Stream): Promise<Heard> {
  const begin = performance.now();
  const body: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  return new Promise((resolve) => {
    stream.on("close", () => {
      const all = { ...headers, ...trailers };
      resolve({
        status: Number(headers[":status"] ?? 0),
        grpcStatus: Number(all["grpc-status"] ?? Number.NaN),
        grpcMessage: decodeURIComponent(String(all["grpc-message"] ?? "")),
        headers: all,
        body: Buffer.concat(body),
        rstCode: stream.rstCode,
        elapsedMs: performance.now() - begin,
      });
    });
  });
}

export const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** One unary call: a message there, a message back, or the status that it failed with. */
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import type { Connection } from "./connection.ts";
import { CallFailed, statusName, statusOfHttp, statusOfReset, statusText } from "./status.ts";

/** Compression flag and length before each message. */
export const PREFIX_BYTES = 5;
/** gRPC's lengths go further; Node's buffers and any batch of ours do not. */
const MAX_ANSWER_BYTES = 2 ** 31 - 1;

export interface UnaryCall {
  readonly connection: Connection;
  /** With `:path`. */
  readonly headers: Readonly<Record<string, string>>;
  /** With room for the prefix at its start, which is written here. */
  readonly message: Buffer;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** @throws CallFailed (rejection) */
export function callUnary(call: UnaryCall): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    new Exchange(call, resolve, reject);
  });
}

class Exchange {
  readonly #call: UnaryCall;
  readonly #stream: ClientHttp2Stream;
  /** A stream that is over has none any more. */
  readonly #session: ClientHttp2Stream["session"];
  readonly #begunAt = performance.now();
  readonly #chunks: Buffer[] = [];
  #received = 0;
  #headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  #trailers: IncomingHttpHeaders | undefined;
  /** Why it was given up from here, or what the connection said. */
  #failure: CallFailed | undefined;

  constructor(call: UnaryCall, resolve: (answer: Buffer) => void, reject: (why: Error) => void) {
    const { connection, headers, message, timeoutMs, signal } = call;
    this.#call = call;
    message[0] = 0;
    message.writeUInt32BE(message.length - PREFIX_BYTES, 1);
    const stream = connection.open(headers);
    this.#stream = stream;
    this.#session = stream.session;
    const late = setTimeout(() => this.#timeOut(), timeoutMs);
    const abort = () => this.#giveUp("CANCELLED", "nobody waits for the answer any more");
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();

    stream.on("response", (received) => {
      connection.heard();
      this.#headers = received;
    });
    stream.on("trailers", (received) => {
      this.#trailers = received;
    });
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("error", (error) => {
      const broken = "code" in error && error.code === "ECONNRESET";
      this.#failure ??= (broken && this.#vacant()) || ofConnection(stream, error);
    });
    stream.on("close", () => {
      clearTimeout(late);
      signal?.removeEventListener("abort", abort);
      try {
        resolve(this.#answer());
      } catch (thrown) {
        reject(thrown as Error);
      }
    });
    stream.end(message);
  }

  #take(chunk: Buffer): void {
    this.#call.connection.heard();
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#received > MAX_ANSWER_BYTES) {
      this.#giveUp("RESOURCE_EXHAUSTED", `the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    }
  }

  #timeOut(): void {
    this.#giveUp("DEADLINE_EXCEEDED", `no answer within ${this.#call.timeoutMs} ms`);
    this.#call.connection.timedOut(this.#begunAt);
  }

  #giveUp(...why: ConstructorParameters<typeof CallFailed>): void {
    this.#failure ??= new CallFailed(...why);
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The stream is over. @throws CallFailed */
  #answer(): Buffer {
    if (this.#failure !== undefined) throw this.#failure;
    // Where there is no message, the only headers are the trailers.
    const trailers = this.#trailers ?? this.#headers;
    const code = trailers["grpc-status"];
    if (typeof code !== "string") throw this.#withoutStatus();
    if (code !== "0") {
      throw new CallFailed(statusName(code), statusText(String(trailers["grpc-message"] ?? "")));
    }
    return this.#message();
  }

  #withoutStatus(): CallFailed {
    const { ":status": http = 0 } = this.#headers;
    if (http !== 0 && http !== 200) {
      return new CallFailed(statusOfHttp(http), `HTTP status ${http}: this is no gRPC server`);
    }
    const vacant = this.#vacant();
    if (vacant) return vacant;
    const code = this.#stream.rstCode ?? 0;
    if (code !== 0) return new CallFailed(statusOfReset(code), `the call was reset (${code})`);
    return new CallFailed("UNAVAILABLE", "the connection ended before the answer");
  }

  #vacant(): CallFailed | undefined {
    if (!this.#call.connection.vacant(this.#session)) return undefined;
    return new CallFailed(
      "UNAVAILABLE",
      "nobody answers at its socket: no server has joined there",
    );
  }

  #message(): Buffer {
    const [first] = this.#chunks;
    const all = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    const length = all.length >= PREFIX_BYTES ? all.readUInt32BE(1) : Number.NaN;
    if (all[0] === 0 && all.length === PREFIX_BYTES + length) return all.subarray(PREFIX_BYTES);
    const what = all[0] === 1 ? "is compressed, which nobody asked for" : "is cut off or too long";
    throw new CallFailed("INTERNAL", `the answer ${what}`);
  }
}

/** Without a stream's own reset, it is the connection that failed. */
function ofConnection(stream: ClientHttp2Stream, error: Error): CallFailed {
  const code = stream.rstCode ?? 0;
  const isReset = "code" in error && error.code === "ERR_HTTP2_STREAM_ERROR";
  return new CallFailed(isReset ? statusOfReset(code) : "UNAVAILABLE", error.message);
}

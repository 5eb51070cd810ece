/** One unary call on its way, and what is said about it once it is over. */
import { FRAME_HEADER_BYTES } from "./frames.ts";
import type { ClientStream, Http2Client } from "./http2-client.ts";
import type { RequestBody } from "./request-template.ts";

/** gRPC's prefix of a message: compressed or not, and its length. */
const PREFIX_BYTES = 5;

export interface CallEvents {
  /**
   * @param token as given to `send`
   * @param bytes DATA of the answer, gRPC's prefix included
   * @param error undefined where the call went as it should
   * @param message the answer's message, where answers are kept; else undefined
   */
  answered(
    token: number,
    bytes: number,
    error: string | undefined,
    message: Buffer | undefined,
  ): void;
}

export class UnaryCall implements ClientStream {
  windowBytes: number;
  number = 0;
  readonly #client: Http2Client;
  readonly #events: CallEvents;
  readonly #token: number;
  readonly #keep: boolean;
  #body: RequestBody | undefined;
  #sent = 0;
  #bytes = 0;
  #pieces: Buffer[] | undefined;
  #httpStatus = "";
  #grpcStatus = "";
  #grpcMessage = "";

  /** @param keep whether the message of the answer is wanted */
  constructor(client: Http2Client, events: CallEvents, token: number, keep: boolean) {
    this.#client = client;
    this.#events = events;
    this.#token = token;
    this.#keep = keep;
    this.windowBytes = client.peer.streamWindowBytes;
  }

  /** Writes HEADERS and, as far as the windows allow, DATA. */
  send(head: Buffer, body: RequestBody): void {
    const client = this.#client;
    const number = client.start(this);
    this.number = number;
    const { length } = body.framed;
    const fits = length <= this.windowBytes && length <= client.sendWindow && !client.congested;
    if (!fits) {
      const room = client.outbox.room(head.length);
      room.set(head);
      room.writeUInt32BE(number, FRAME_HEADER_BYTES - 4);
      this.#body = body;
      client.block(number, this);
      return;
    }
    const { bytes, streamAt } = body.frames(client.peer.maxFrameBytes);
    const room = client.outbox.room(head.length + bytes.length);
    room.set(head);
    room.writeUInt32BE(number, FRAME_HEADER_BYTES - 4);
    room.set(bytes, head.length);
    for (const at of streamAt) room.writeUInt32BE(number, head.length + at);
    client.spend(this, length);
  }

  pump(): boolean {
    const bytes = this.#body?.framed;
    if (bytes === undefined) return true;
    this.#sent = this.#client.sendData(this.number, this, bytes, this.#sent, true);
    return this.#sent === bytes.length;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (!this.#keep) return;
    const piece = Buffer.from(bytes.subarray(start, end));
    if (this.#pieces === undefined) this.#pieces = [piece];
    else this.#pieces.push(piece);
  }

  header(name: string, value: string): void {
    if (name === "grpc-status") this.#grpcStatus = value;
    else if (name === ":status") this.#httpStatus = value;
    else if (name === "grpc-message") this.#grpcMessage = value;
  }

  over(failure: string | undefined): void {
    const error = failure ?? this.#error();
    this.#events.answered(this.#token, this.#bytes, error, error ? undefined : this.#message());
  }

  /** What was wrong with a call whose stream ended in order. */
  #error(): string | undefined {
    if (this.#grpcStatus === "0") {
      return this.#bytes > 0 ? undefined : "grpc-status 0 without a message";
    }
    if (this.#grpcStatus !== "") return `grpc-status ${this.#grpcStatus}: ${this.#grpcMessage}`;
    return `no grpc-status (:status ${this.#httpStatus})`;
  }

  #message(): Buffer | undefined {
    const [first, ...more] = this.#pieces ?? [];
    if (first === undefined) return undefined;
    const whole = more.length === 0 ? first : Buffer.concat([first, ...more]);
    return whole.subarray(PREFIX_BYTES);
  }
}

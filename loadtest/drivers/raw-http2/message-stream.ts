/**
 * One ModelStreamInfer call: many messages each way on one HTTP/2 stream.
 *
 * Each message carries an id of eight digits, written into its bytes when it is
 * sent; answers are told apart by it, in whatever order they come. A server that
 * does not echo ids is taken to answer in order.
 */
import { FRAME_HEADER_BYTES } from "./frames.ts";
import type { ClientStream, Http2Client } from "./http2-client.ts";
import { MessageCutter } from "./message-cutter.ts";
import type { CallEvents } from "./unary-call.ts";

export const ID_DIGITS = 8;
const IDS = 10 ** ID_DIGITS;
const PREFIX_BYTES = 5;
const FIRST_QUEUE_BYTES = 64 * 1024;

/** Tags of ModelStreamInferResponse and, within `infer_response`, of ModelInferResponse. */
const TAG = { ERROR_MESSAGE: 0x0a, INFER_RESPONSE: 0x12, ID: 0x1a } as const;

/** A message whose id is not written yet. */
export interface StreamMessage {
  /** With gRPC's prefix. */
  readonly framed: Buffer;
  /** Where its `ID_DIGITS` digits go. */
  readonly idAt: number;
}

export class MessageStream implements ClientStream {
  windowBytes: number;
  readonly #client: Http2Client;
  readonly #events: CallEvents;
  readonly #keep: boolean;
  readonly #number: number;
  /** Tokens of messages without an answer, by id, oldest first. */
  readonly #open = new Map<number, number>();
  #nextId = 0;
  /** Messages that wait for the next `flush`, or for a window. */
  #queue = Buffer.allocUnsafe(FIRST_QUEUE_BYTES);
  #queueStart = 0;
  #queueEnd = 0;
  #blocked = false;
  readonly #answers = new MessageCutter((bytes, start, end) => this.#answer(bytes, start, end));
  #httpStatus = "";
  #grpcStatus = "";
  #grpcMessage = "";
  #isOver = false;

  /** @param head HEADERS of the call. @param keep whether `answered` is given the messages */
  constructor(client: Http2Client, events: CallEvents, head: Buffer, keep: boolean) {
    this.#client = client;
    this.#events = events;
    this.#keep = keep;
    this.windowBytes = client.peer.streamWindowBytes;
    this.#number = client.start(this);
    const room = client.outbox.room(head.length);
    room.set(head);
    room.writeUInt32BE(this.#number, FRAME_HEADER_BYTES - 4);
  }

  /** Messages without an answer. */
  get open(): number {
    return this.#open.size;
  }

  get usable(): boolean {
    return !this.#isOver && this.#client.usable;
  }

  /** Queues one message, to leave with the next `flush`. */
  send(message: StreamMessage, token: number): void {
    const id = this.#nextId;
    this.#nextId = (id + 1) % IDS;
    this.#open.set(id, token);
    const { framed, idAt } = message;
    const at = this.#room(framed.length);
    framed.copy(this.#queue, at);
    for (let digit = ID_DIGITS - 1, rest = id; digit >= 0; digit--) {
      this.#queue[at + idAt + digit] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }

  flush(): void {
    if (this.#queueEnd > this.#queueStart && !this.#blocked && !this.pump()) {
      this.#blocked = true;
      this.#client.block(this.#number, this);
    }
    this.#client.flush();
  }

  pump(): boolean {
    const queued = this.#queue.subarray(0, this.#queueEnd);
    this.#queueStart = this.#client.sendData(this.#number, this, queued, this.#queueStart, false);
    if (this.#queueStart < this.#queueEnd) return false;
    this.#queueStart = 0;
    this.#queueEnd = 0;
    this.#blocked = false;
    return true;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#answers.push(bytes, start, end);
  }

  header(name: string, value: string): void {
    if (name === "grpc-status") this.#grpcStatus = value;
    else if (name === ":status") this.#httpStatus = value;
    else if (name === "grpc-message") this.#grpcMessage = value;
  }

  over(failure: string | undefined): void {
    this.#isOver = true;
    const status =
      this.#grpcStatus === ""
        ? `no grpc-status (:status ${this.#httpStatus})`
        : `grpc-status ${this.#grpcStatus}: ${this.#grpcMessage}`;
    const reason = `stream ended, ${failure ?? status}`;
    for (const [id, token] of [...this.#open]) {
      this.#open.delete(id);
      this.#events.answered(token, 0, reason, undefined);
    }
    // The connection goes with its stream: there is one way to begin again.
    this.#client.close();
  }

  #room(bytes: number): number {
    if (this.#queue.length - this.#queueEnd < bytes) {
      const waiting = this.#queueEnd - this.#queueStart;
      const size = Math.max(this.#queue.length, 2 * (waiting + bytes));
      const larger = Buffer.allocUnsafe(size);
      this.#queue.copy(larger, 0, this.#queueStart, this.#queueEnd);
      this.#queue = larger;
      this.#queueStart = 0;
      this.#queueEnd = waiting;
    }
    const at = this.#queueEnd;
    this.#queueEnd += bytes;
    return at;
  }

  #answer(bytes: Buffer, start: number, end: number): void {
    let error: string | undefined;
    let id = -1;
    let responseStart = -1;
    let responseEnd = -1;
    for (let at = start; at < end; ) {
      const tag = bytes[at] ?? 0;
      const from = behindLength(bytes, at + 1);
      const to = from + lengthAt(bytes, at + 1);
      if (to > end) break;
      if (tag === TAG.ERROR_MESSAGE) error = bytes.toString("utf8", from, to);
      else if (tag === TAG.INFER_RESPONSE) {
        responseStart = from;
        responseEnd = to;
        id = idOf(bytes, from, to);
      }
      at = to;
    }
    const token = this.#take(id);
    if (token === undefined) return; // further answers of a decoupled model
    const keep = this.#keep && error === undefined && responseStart >= 0;
    const message = keep ? Buffer.from(bytes.subarray(responseStart, responseEnd)) : undefined;
    this.#events.answered(
      token,
      end - start + PREFIX_BYTES,
      error === undefined ? undefined : `stream error: ${error}`,
      message,
    );
  }

  #take(id: number): number | undefined {
    const key = id >= 0 ? id : this.#open.keys().next().value;
    if (key === undefined) return undefined;
    const token = this.#open.get(key);
    this.#open.delete(key);
    return token;
  }
}

/** The digits of ModelInferResponse.id; -1 where there are none. */
function idOf(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; ) {
    const tag = bytes[at] ?? 0;
    if ((tag & 7) !== 2) return -1;
    const from = behindLength(bytes, at + 1);
    const to = from + lengthAt(bytes, at + 1);
    if (tag === TAG.ID) {
      if (to - from !== ID_DIGITS) return -1;
      let id = 0;
      for (let i = from; i < to; i++) id = id * 10 + (bytes[i] ?? 0) - 0x30;
      return id;
    }
    at = to;
  }
  return -1;
}

function lengthAt(bytes: Buffer, at: number): number {
  let value = 0;
  let factor = 1;
  for (let i = at; ; i++) {
    const byte = bytes[i] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
}

function behindLength(bytes: Buffer, at: number): number {
  let i = at;
  while ((bytes[i] ?? 0) >= 128) i++;
  return i + 1;
}

/**
 * The way in of one call: messages out of chunks, within the byte budget,
 * inflated where they are compressed, held back where nobody can take them.
 */
import { StatusError } from "../../errors.ts";
import { type BudgetWaiter, SMALL_MESSAGE_BYTES } from "../../inference/byte-budget.ts";
import type { Caller } from "../../inference/caller.ts";
import type { Pieces } from "../../inference/request.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import type { Backlog, CallHost } from "./call-host.ts";
import { type Encoding, inflate } from "./compression.ts";
import type { Connection } from "./connection.ts";
import { PREFIX_BYTES } from "./frame.ts";
import { MessageReader, type MessageSink } from "./message-reader.ts";
import { singlePiece } from "./piece-list.ts";

/** Chunks below this length that do not complete a message are counted against the connection. */
const FRAGMENT_BYTES = 128;

export interface Arrival {
  readonly host: CallHost;
  readonly connection: Connection;
  readonly stream: Stream;
  readonly headers: RequestHeaders;
  readonly encoding: Encoding;
  /** `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
  /** Who sends it; undefined: nobody asked. */
  readonly caller: Caller | undefined;
}

export abstract class ReceivingCall implements MessageSink, BudgetWaiter {
  receivedAt = 0;
  /** Bytes of the budget that are this call's. */
  held = 0;
  neededBytes = 0;
  /** An answer was given, or never will be. */
  protected finished = false;
  /** The client has said its last word. */
  protected inputEnded = false;
  /** Whole messages received. */
  protected messages = 0;
  protected readonly host: CallHost;
  readonly connection: Connection;
  /** Who calls; undefined: nobody asked. */
  readonly caller: Caller | undefined;
  protected readonly stream: Stream;
  readonly #encoding: Encoding;
  /** Made for the first chunk that is not one whole message. */
  #reader: MessageReader | undefined = undefined;
  /** In the budget's line. */
  #waiting = false;
  #inflating = false;
  #paused = false;
  #endDelivered = false;
  /** Of the host's count of backlog bytes, those of this call, */
  #backlogBytes = 0;
  /** and where they are counted. */
  #backlogOf: keyof Backlog = "small";

  constructor(arrival: Arrival) {
    this.host = arrival.host;
    this.connection = arrival.connection;
    this.caller = arrival.caller;
    this.stream = arrival.stream;
    this.#encoding = arrival.encoding;
  }

  /** True where the client sends exactly one message. */
  protected abstract readonly unaryInput: boolean;
  /** A message is complete. */
  protected abstract onMessage(message: Pieces): void;
  /** The client half-closed, after its last message. */
  protected abstract onInputEnd(): void;
  abstract fail(error: StatusError): void;

  /** A message is under way, and it is the client that we wait for. */
  protected get incoming(): MessageReader | undefined {
    const reader = this.#reader;
    return reader?.midMessage && !reader.holding ? reader : undefined;
  }

  /** No message is under way, and the call cannot go on before the client has said more. */
  protected get awaitsClient(): boolean {
    if (!this.unaryInput || this.inputEnded) return false;
    return !this.#reader?.midMessage && !this.#reader?.holding;
  }

  chunk(chunk: Buffer): boolean {
    if (this.finished) return true;
    if (this.#reader === undefined) {
      if (this.#takeWhole(chunk)) return true;
      this.#reader = new MessageReader(this);
    }
    const messages = this.messages;
    const reader = this.#reader;
    reader.push(chunk);
    this.connection.received(
      chunk.length,
      chunk.length < FRAGMENT_BYTES && messages === this.messages,
    );
    if (!reader.holding) return true;
    this.#countBacklog();
    return false;
  }

  inputEnd(): void {
    if (this.inputEnded) return;
    this.inputEnded = true;
    if (!this.#reader?.holding) this.#endOfInput();
  }

  /** Nearly every message is one chunk for which there is room: no need for a reader. */
  #takeWhole(chunk: Buffer): boolean {
    const lengthBytes = chunk.length - PREFIX_BYTES;
    if (lengthBytes < 0 || chunk[0] !== 0 || chunk.readUInt32BE(1) !== lengthBytes) return false;
    if (lengthBytes > this.host.maxMessageBytes || (this.unaryInput && this.messages > 0))
      return false;
    if (!this.host.budget.acquireNow(lengthBytes)) return false;
    this.held += lengthBytes;
    this.connection.received(chunk.length, false);
    if (!this.unaryInput && this.borrow(chunk, PREFIX_BYTES, chunk.length)) {
      this.messages++;
      this.connection.messages++;
      return true;
    }
    this.endMessage(singlePiece(chunk.subarray(PREFIX_BYTES)), false);
    return true;
  }

  /** A message from `start` to `end` of what was delivered, to be used at once. @returns true: it was. */
  protected borrow(_bytes: Buffer, _start: number, _end: number): boolean {
    return false;
  }

  // What the reader finds ----------------------------------------------------

  wholeMessage(chunk: Buffer, start: number, end: number): boolean {
    const lengthBytes = end - start;
    if (this.unaryInput || lengthBytes > this.host.maxMessageBytes) return false;
    if (!this.host.budget.acquireNow(lengthBytes)) return false;
    this.held += lengthBytes;
    if (this.borrow(chunk, start, end)) {
      this.messages++;
      this.connection.messages++;
      return true;
    }
    this.release(lengthBytes);
    return false;
  }

  beginMessage(lengthBytes: number, compressed: boolean): boolean {
    const refusal = this.#refusal(lengthBytes, compressed);
    if (refusal) {
      this.fail(refusal);
      return false;
    }
    this.neededBytes = lengthBytes;
    if (this.host.budget.acquire(this)) {
      this.held += lengthBytes;
      return true;
    }
    this.#waiting = true;
    return false;
  }

  granted(): void {
    this.#waiting = false;
    this.held += this.neededBytes;
    this.#readAgain();
  }

  endMessage(message: Pieces, compressed: boolean): void {
    this.messages++;
    this.connection.messages++;
    if (compressed && this.#encoding !== "identity") this.#inflate(message, this.#encoding);
    else this.onMessage(message);
  }

  badFlag(flag: number): void {
    const text = `Invalid message framing: the compression flag is ${flag}, expected 0 or 1`;
    this.fail(new StatusError("INTERNAL", text));
  }

  #refusal(lengthBytes: number, compressed: boolean): StatusError | undefined {
    const { maxMessageBytes, budget } = this.host;
    if (lengthBytes > maxMessageBytes) {
      const text = `Received message larger than max (${lengthBytes} vs. ${maxMessageBytes})`;
      return new StatusError("RESOURCE_EXHAUSTED", text);
    }
    if (lengthBytes > budget.largestBytes) {
      const text = `Received message larger than the receive budget (${lengthBytes} vs. ${budget.largestBytes})`;
      return new StatusError("RESOURCE_EXHAUSTED", text);
    }
    if (this.unaryInput && this.messages > 0) {
      const text = "Received a second request message on a call that takes one";
      return new StatusError("UNIMPLEMENTED", text);
    }
    if (compressed && this.#encoding === "identity") {
      const text = "A message is marked compressed, but the call names no grpc-encoding";
      return new StatusError("INTERNAL", text);
    }
    return undefined;
  }

  #inflate(message: Pieces, encoding: Exclude<Encoding, "identity">): void {
    this.#inflating = true;
    this.#reader?.hold();
    const limits = {
      maxBytes: this.host.maxMessageBytes,
      reserve: (bytes: number) => this.#reserve(bytes),
    };
    inflate(message, encoding, limits, (result) => {
      this.#inflating = false;
      if (this.finished) return;
      if (result instanceof StatusError) {
        this.fail(result);
        return;
      }
      this.release(message.byteLength);
      this.onMessage(result);
      this.#readAgain();
    });
  }

  #endOfInput(): void {
    if (this.finished || this.#endDelivered) return;
    this.#endDelivered = true;
    if (this.#reader?.midMessage) {
      const { receivedBytes, lengthBytes } = this.#reader;
      const text = `The stream ended within a message, after ${receivedBytes} of ${lengthBytes} bytes`;
      this.fail(new StatusError("INTERNAL", text));
    } else if (this.unaryInput && this.messages === 0) {
      this.fail(new StatusError("INTERNAL", "The client ended the call without sending a message"));
    } else {
      this.receivedAt = this.connection.readAt;
      this.onInputEnd();
    }
  }

  // Room ---------------------------------------------------------------------

  /** Takes no more messages until `resume`; HTTP/2 holds the client. */
  pause(): void {
    this.#paused = true;
    this.#reader ??= new MessageReader(this);
    this.#reader.hold();
  }

  resume(): void {
    this.#paused = false;
    this.#readAgain();
  }

  /** Goes on after the reader was held, unless there is another reason to wait. */
  #readAgain(): void {
    const reader = this.#reader;
    if (this.finished || !reader?.holding) return;
    if (this.#paused || this.#waiting || this.#inflating) return;
    reader.resume();
    this.#countBacklog();
    if (reader.holding || this.finished) return;
    if (this.inputEnded) this.#endOfInput();
    else this.stream.readOn();
  }

  /** Goes to the end of the budget's line, if it is in it. */
  protected queueAgain(): void {
    if (!this.#waiting) return;
    this.host.budget.cancel(this);
    if (this.host.budget.acquire(this)) this.granted();
  }

  /** Gives bytes of the budget back before the call is over. */
  release(bytes: number): void {
    if (this.finished) return;
    this.held -= bytes;
    this.host.budget.release(bytes);
  }

  #reserve(bytes: number): boolean {
    if (this.finished || !this.host.budget.tryAcquire(bytes, this.held)) return false;
    this.held += bytes;
    return true;
  }

  #countBacklog(): void {
    const { backlog, maxBacklogBytes } = this.host;
    backlog[this.#backlogOf] -= this.#backlogBytes;
    this.#backlogBytes = this.finished ? 0 : (this.#reader?.backlogBytes ?? 0);
    this.#backlogOf = this.neededBytes <= SMALL_MESSAGE_BYTES ? "small" : "big";
    backlog[this.#backlogOf] += this.#backlogBytes;
    if (this.#backlogBytes === 0 || backlog[this.#backlogOf] <= maxBacklogBytes) return;
    const text = "Too many messages are waiting for the server's receive budget; try again later";
    this.fail(new StatusError("RESOURCE_EXHAUSTED", text));
  }

  /** Nothing more is received; what was charged is given back. */
  protected stopReceiving(): void {
    this.finished = true;
    this.#reader?.stop();
    if (this.#backlogBytes > 0) this.#countBacklog();
    if (this.#waiting) this.host.budget.cancel(this);
    this.#waiting = false;
    const held = this.held;
    this.held = 0;
    if (held > 0) this.host.budget.release(held);
  }
}

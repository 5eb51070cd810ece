/**
 * The way back of one call: headers, messages (compressed where that was agreed
 * on, in order), trailers. Knows nothing of what the call is about.
 */
import type { ResponseHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import type { CallHost } from "./call-host.ts";
import { accepts, deflateFramed, type Encoding } from "./compression.ts";
import type { Connection } from "./connection.ts";
import { writePrefix } from "./frame.ts";
import { headerBlock, RESPONSE_HEADERS, respondTrailersOnly } from "./response.ts";

/** A reader's progress is seen in steps: who takes a byte now and then is not reading. */
const STEP_BYTES = 256 * 1024;

export class Answer {
  readonly #host: CallHost;
  readonly #connection: Connection;
  readonly #stream: Stream;
  readonly #encoding: Encoding;
  /** Of an answer given as a whole. */
  #wholeBytes = 0;
  #writtenBytes = 0;
  /** What waits behind a message that is being compressed. */
  #outbox: (() => void)[] | undefined = undefined;

  constructor(
    host: CallHost,
    connection: Connection,
    stream: Stream,
    acceptedEncodings: string | undefined,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#stream = stream;
    this.#encoding =
      host.responseEncoding !== "identity" && accepts(acceptedEncodings, host.responseEncoding)
        ? host.responseEncoding
        : "identity";
  }

  /** Given, and not yet taken by the client. */
  get pendingBytes(): number {
    return this.#stream.queuedBytes;
  }

  /** Only ever grows, in steps; stands still while the client does not read. */
  get takenBytes(): number {
    const bytes = this.#writtenBytes - this.#stream.queuedBytes;
    return bytes - (bytes % STEP_BYTES);
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get #open(): boolean {
    return !this.#stream.closed;
  }

  sendHeaders(metadata?: ResponseHeaders): void {
    if (this.#open && !this.#stream.headersSent) {
      const headers = this.#headers();
      this.#stream.respond(headerBlock(metadata ? { ...metadata, ...headers } : headers));
    }
  }

  /** The only message of the call, then the trailers. */
  whole(framed: Buffer, trailers: ResponseHeaders | Buffer): void {
    if (this.#encoding === "identity") {
      this.#sendWhole(writePrefix(framed), trailers);
    } else {
      deflateFramed(framed, this.#encoding, this.#host.compressionLevel, (compressed) =>
        this.#sendWhole(compressed, trailers),
      );
    }
  }

  /** One message of a stream. @returns false: wait for `StreamOwner.drained` before the next. */
  message(framed: Buffer): boolean {
    this.sendHeaders();
    if (this.#encoding === "identity") return this.#write(writePrefix(framed));
    if (this.#outbox) {
      this.#outbox.push(() => void this.message(framed));
      return false;
    }
    let room = false;
    let atOnce = true;
    this.#outbox = [];
    deflateFramed(framed, this.#encoding, this.#host.compressionLevel, (compressed) => {
      room = this.#write(compressed);
      this.#sendOutbox();
      if (!atOnce && room) this.#stream.owner?.drained();
    });
    atOnce = false;
    return room;
  }

  get compresses(): boolean {
    return this.#encoding !== "identity";
  }

  /** Several messages of a stream behind their prefixes; only where it does not compress. */
  messages(framed: Buffer, count: number): boolean {
    this.sendHeaders();
    return this.#write(framed, count);
  }

  /** Ends the call. */
  end(trailers: ResponseHeaders): void {
    if (!this.#open) return;
    this.#connection.answers++;
    if (this.#stream.headersSent) {
      this.#afterOutbox(() => this.#stream.end(headerBlock(trailers)));
    } else {
      respondTrailersOnly(this.#stream, trailers);
    }
  }

  /** The stream is gone. */
  forget(): void {
    const wholeBytes = this.#wholeBytes;
    this.#wholeBytes = 0;
    if (wholeBytes > 0) this.#host.taken(wholeBytes);
    this.#outbox = undefined;
  }

  #headers(): ResponseHeaders {
    return this.#encoding === "identity"
      ? RESPONSE_HEADERS
      : { ...RESPONSE_HEADERS, "grpc-encoding": this.#encoding };
  }

  #sendWhole(framed: Buffer, trailers: ResponseHeaders | Buffer): void {
    if (!this.#open) return;
    this.#connection.answers++;
    this.#writtenBytes = framed.length;
    this.#stream.answer(headerBlock(this.#headers()), framed, headerBlock(trailers));
    if (!this.#open) return;
    // Nearly every answer is gone by now.
    this.#wholeBytes = framed.length;
    this.#host.written(framed.length);
  }

  #write(framed: Buffer, messages = 1): boolean {
    if (!this.#open) return false;
    this.#connection.answers += messages;
    this.#writtenBytes += framed.length;
    return this.#stream.write(framed);
  }

  #afterOutbox(run: () => void): void {
    if (this.#outbox) this.#outbox.push(run);
    else run();
  }

  #sendOutbox(): void {
    const outbox = this.#outbox ?? [];
    this.#outbox = undefined;
    // One of them may begin to compress again: the rest waits behind it.
    for (const send of outbox) this.#afterOutbox(send);
  }
}

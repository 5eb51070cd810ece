/**
 * The way back of one call: headers, messages (compressed where that was agreed
 * on, in order), trailers. Knows nothing of what the call is about.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { CallHost } from "./call-host.ts";
import { accepts, deflateFramed, type Encoding } from "./compression.ts";
import type { Connection } from "./connection.ts";
import { writePrefix } from "./frame.ts";
import {
  hangUp,
  OK_TRAILERS,
  RESPOND_THEN_TRAILERS,
  RESPONSE_HEADERS,
  respondTrailersOnly,
} from "./response.ts";

/** Longer answers are written in slices of this length, so that a slow reader's progress can be seen. */
const SLICE_BYTES = 256 * 1024;

export class Answer {
  readonly #host: CallHost;
  readonly #connection: Connection;
  readonly #stream: ServerHttp2Stream;
  readonly #encoding: Encoding;
  #trailers: OutgoingHttpHeaders = OK_TRAILERS;
  /** Of an answer given as a whole. */
  #wholeBytes = 0;
  #writtenBytes = 0;
  /** What waits behind a message that is being compressed. */
  #outbox: (() => void)[] | undefined = undefined;
  #onDrain: (() => void) | undefined = undefined;

  constructor(
    host: CallHost,
    connection: Connection,
    stream: ServerHttp2Stream,
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

  /** Called when messages may be written again after `message` said false. */
  set onDrain(drained: () => void) {
    this.#onDrain = drained;
    this.#stream.on("drain", drained);
  }

  /** Given, and not yet taken by the client. */
  get pendingBytes(): number {
    return Math.max(this.#wholeBytes, this.#stream.writableLength);
  }

  /** Only ever grows; stands still while the client does not read. */
  get takenBytes(): number {
    return this.#writtenBytes - this.#stream.writableLength;
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get #open(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  sendHeaders(metadata?: OutgoingHttpHeaders): void {
    if (this.#open && !this.#stream.headersSent) {
      this.#stream.respond({ ...metadata, ...this.#headers() }, RESPOND_THEN_TRAILERS);
    }
  }

  /** The only message of the call, then the trailers. */
  whole(framed: Buffer, trailers: OutgoingHttpHeaders): void {
    this.#trailers = trailers;
    if (this.#encoding === "identity") {
      this.#sendWhole(writePrefix(framed));
    } else {
      deflateFramed(framed, this.#encoding, this.#host.compressionLevel, (compressed) =>
        this.#sendWhole(compressed),
      );
    }
  }

  /** One message of a stream. @returns false: wait for `onDrain` before the next. */
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
      if (!atOnce && room) this.#onDrain?.();
    });
    atOnce = false;
    return room;
  }

  /** Ends the call. */
  end(trailers: OutgoingHttpHeaders, clientStillSends: boolean): void {
    if (!this.#open) return;
    this.#connection.answers++;
    this.#trailers = trailers;
    if (this.#stream.headersSent) {
      this.#afterOutbox(() => this.#stream.end());
    } else {
      respondTrailersOnly(this.#stream, trailers);
      if (clientStillSends) hangUp(this.#stream);
    }
  }

  /** The stream asks for them once the last message is on its way. */
  sendTrailers(clientStillSends: boolean): void {
    this.#stream.sendTrailers(this.#trailers);
    if (clientStillSends) hangUp(this.#stream);
  }

  /** The stream is gone. */
  forget(): void {
    if (this.#wholeBytes > 0) this.#host.pendingBytes -= this.#wholeBytes;
    this.#wholeBytes = 0;
    this.#outbox = undefined;
  }

  #headers(): OutgoingHttpHeaders {
    return this.#encoding === "identity"
      ? RESPONSE_HEADERS
      : { ...RESPONSE_HEADERS, "grpc-encoding": this.#encoding };
  }

  #sendWhole(framed: Buffer): void {
    if (!this.#open) return;
    this.#connection.answers++;
    this.#wholeBytes = framed.length;
    this.#host.written(framed.length);
    if (!this.#open) return;
    this.#stream.respond(this.#headers(), RESPOND_THEN_TRAILERS);
    if (framed.length <= SLICE_BYTES) {
      this.#writtenBytes = framed.length;
      this.#stream.end(framed);
    } else {
      this.#sendSlice(framed, 0);
    }
  }

  #sendSlice(framed: Buffer, offset: number): void {
    if (!this.#open) return;
    const end = Math.min(offset + SLICE_BYTES, framed.length);
    this.#writtenBytes = end;
    const slice = framed.subarray(offset, end);
    if (end === framed.length) this.#stream.end(slice);
    else this.#stream.write(slice, () => this.#sendSlice(framed, end));
  }

  #write(framed: Buffer): boolean {
    if (!this.#open) return false;
    this.#connection.answers++;
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

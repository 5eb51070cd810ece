/** One stream: a request that comes in, an answer that goes out. */
import { ErrorCode } from "./protocol.ts";
import type { SendingStream } from "./sender.ts";

export interface StreamOwner {
  /** @returns false: the client must wait, until `Stream.readOn`. */
  chunk(chunk: Buffer): boolean;
  /** The client has said its last word. */
  inputEnd(): void;
  /** What was written is on its way, after `Stream.write` said false. */
  drained(): void;
  /** The stream is gone, for whatever reason. Comes last, once. */
  streamClosed(): void;
}

/** Sends answers: `Sender`, or what an edge does for it. */
export interface StreamSender {
  headers(streamId: number, block: Buffer, end: boolean): void;
  data(stream: Stream, bytes: Buffer): void;
  /** After what was given as data. */
  end(stream: Stream, trailers: Buffer): void;
  whole(stream: Stream, headers: Buffer, data: Buffer, trailers: Buffer): void;
  forget(stream: Stream): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly sender: StreamSender;
  /** Bytes of the stream that were taken: the client may send as many more. */
  giveBack(stream: Stream, bytes: number): void;
  sendReset(stream: Stream, code: number): void;
  left(stream: Stream): void;
}

/** `write` says false beyond. */
const ENOUGH_BYTES = 64 * 1024;

export class Stream implements SendingStream {
  readonly id: number;
  readonly #host: StreamHost;
  owner: StreamOwner | undefined = undefined;
  /** Of the request's headers, what they take for themselves. */
  headersBytes = 0;
  headersSent = false;
  closed = false;
  /** The client has sent END_STREAM. */
  inputEnded = false;
  /** What the client may still send. */
  receiveWindowBytes: number;
  /** Taken, and not yet given back to the client. */
  takenBytes = 0;
  /** Given to an owner that said to wait. */
  #heldBytes = 0;
  #needDrain = false;
  sendWindowBytes: number;
  readonly queue: Buffer[] = [];
  sentOfFirst = 0;
  queuedBytes = 0;
  trailers: Buffer | undefined = undefined;

  constructor(host: StreamHost, id: number, receiveWindowBytes: number, sendWindowBytes: number) {
    this.#host = host;
    this.id = id;
    this.receiveWindowBytes = receiveWindowBytes;
    this.sendWindowBytes = sendWindowBytes;
  }

  // Input ----------------------------------------------------------------------

  received(piece: Buffer): void {
    if (this.owner === undefined || this.owner.chunk(piece)) {
      if (!this.closed) this.#host.giveBack(this, piece.length);
    } else {
      this.#heldBytes += piece.length;
    }
  }

  /** Lets the client send what it was kept from sending. @param bytes at most so many; absent: all */
  readOn(bytes: number = this.#heldBytes): void {
    const held = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= held;
    if (held > 0 && !this.closed) this.#host.giveBack(this, held);
  }

  receivedEnd(): void {
    if (this.closed || this.inputEnded) return;
    this.inputEnded = true;
    this.owner?.inputEnd();
  }

  // Output ---------------------------------------------------------------------

  /** @param headers an encoded block. @param end nothing else follows. */
  respond(headers: Buffer, end = false): void {
    if (this.closed || this.headersSent) return;
    this.headersSent = true;
    this.#host.sender.headers(this.id, headers, end);
    if (end) this.sentEnd();
  }

  /** @returns false: better wait for `StreamOwner.drained`. */
  write(bytes: Buffer): boolean {
    if (this.closed) return false;
    this.#host.sender.data(this, bytes);
    if (this.queuedBytes <= ENOUGH_BYTES) return true;
    this.#needDrain = true;
    return false;
  }

  /** Ends the answer after what was written. */
  end(trailers: Buffer): void {
    if (!this.closed) this.#host.sender.end(this, trailers);
  }

  /** A whole answer. */
  answer(headers: Buffer, bytes: Buffer, trailers: Buffer): void {
    if (this.closed || this.headersSent) return;
    this.headersSent = true;
    this.#host.sender.whole(this, headers, bytes, trailers);
  }

  // Ends -----------------------------------------------------------------------

  drained(): void {
    if (!this.#needDrain) return;
    this.#needDrain = false;
    this.owner?.drained();
  }

  /** A client that is still sending learns that nobody listens any more. */
  sentEnd(): void {
    if (this.inputEnded) this.close();
    else this.reset(ErrorCode.NO_ERROR);
  }

  /** Drops what is still queued. */
  reset(code: number): void {
    if (this.closed) return;
    this.#host.sendReset(this, code);
    this.close();
  }

  /** Without a word to the client. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#host.sender.forget(this);
    this.#host.left(this);
    const { owner } = this;
    this.owner = undefined;
    owner?.streamClosed();
  }
}

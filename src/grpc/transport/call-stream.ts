/**
 * Takes an HTTP/2 stream over from Node's stream machinery. `push` is where the
 * HTTP/2 binding delivers a chunk, and `emit` is where the few events that matter
 * pass; taking them there saves the buffering, the ticks and the listeners of a
 * Readable (a fifth of the cost of a small call). The value that `push` returns
 * still drives HTTP/2 flow control, and everything else still goes Node's way.
 */
import { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

export interface StreamOwner {
  /** @returns false: the client must wait, until `readOn`. */
  chunk(chunk: Buffer): boolean;
  /** The client has said its last word. */
  inputEnd(): void;
  /** The last byte of the answer is on its way; answer with `sendTrailers`. */
  wantTrailers(): void;
  /** The stream is gone, for whatever reason. Comes last, once. */
  streamClosed(): void;
}

const OWNER = Symbol("owner");
interface OwnedStream extends ServerHttp2Stream {
  [OWNER]?: StreamOwner | undefined;
}

/** @param ended the client sent nothing but headers. */
export function takeOver(stream: ServerHttp2Stream, owner: StreamOwner, ended: boolean): void {
  (stream as OwnedStream)[OWNER] = owner;
  stream.emit = emitToOwner;
  if (ended) stream.resume();
  else stream.push = pushToOwner;
}

/** Makes the binding read; `read` would go through the machinery that `push` bypasses. */
export function readOn(stream: ServerHttp2Stream): void {
  stream._read(0);
}

function pushToOwner(this: OwnedStream, chunk: Buffer | null): boolean {
  const owner = this[OWNER];
  if (chunk !== null) return owner === undefined || owner.chunk(chunk);
  // A stream that is closed ends too; that is for `close` to tell.
  const ended = !this.destroyed && !this.closed;
  Readable.prototype.push.call(this, null);
  if (ended) owner?.inputEnd();
  return true;
}

function emitToOwner(this: OwnedStream, event: string | symbol, ...values: unknown[]): boolean {
  if (event === "wantTrailers") {
    this[OWNER]?.wantTrailers();
    return true;
  }
  // Whatever went wrong with the stream, `close` follows.
  if (event === "error") return true;
  if (event === "close") {
    const owner = this[OWNER];
    // Node keeps the stream's object for a while; what hangs on it need not stay as long.
    this[OWNER] = undefined;
    owner?.streamClosed();
  }
  return EventEmitter.prototype.emit.call(this, event, ...values);
}

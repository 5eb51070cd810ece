/**
 * Collects what a connection sends in one turn of the event loop, so that it costs one
 * system call. Small frames are copied together; long payloads pass as they are.
 */
import type { Socket } from "node:net";

const CHUNK_BYTES = 64 * 1024;
/**
 * Of a connection that has answered nothing: its settings. Whole chunks for thousands that connect and say nothing would
 * be hundreds of MB of memory outside the heap, for which V8 collects garbage again and again.
 */
const FIRST_BYTES = 256;

export class Outbox {
  readonly #socket: Socket;
  readonly #reuses: boolean;
  /** Where `reserve` gives room. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Not yet handed to the socket. */
  pendingBytes = 0;
  #start = 0;
  #end = 0;
  #pieces: Buffer[] = [];

  /** @param reuses the socket is the system's own, without TLS: what it took at once it has copied */
  constructor(socket: Socket, reuses = false) {
    this.#socket = socket;
    this.#reuses = reuses;
  }

  /** @returns where in `bytes` to write `length` bytes, before anything else is called. */
  reserve(length: number): number {
    if (this.bytes.length - this.#end < length) {
      this.#cutRun();
      // The socket may still hold the old chunk: leave it alone.
      this.bytes = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, length));
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += length;
    this.pendingBytes += length;
    return at;
  }

  copy(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Passes it on without a copy. */
  push(bytes: Buffer): void {
    this.#cutRun();
    this.#pieces.push(bytes);
    this.pendingBytes += bytes.length;
  }

  flush(): void {
    if (this.pendingBytes === 0) return;
    this.pendingBytes = 0;
    this.#cutRun();
    const pieces = this.#pieces;
    this.#pieces = [];
    if (!this.#socket.writable) return;
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
    if (!this.#reuses || this.#socket.writableLength > 0) return;
    this.#start = 0;
    this.#end = 0;
  }

  #cutRun(): void {
    if (this.#end > this.#start) this.#pieces.push(this.bytes.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

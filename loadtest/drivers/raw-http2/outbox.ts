/** Collects what one turn of the event loop sends, so that it costs one system call. */
import type { Socket } from "node:net";

const CHUNK_BYTES = 256 * 1024;

export class Outbox {
  readonly #socket: Socket;
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #start = 0;
  #end = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Room for `length` bytes, to be written before the next call. */
  room(length: number): Buffer {
    if (this.#chunk.length - this.#end < length) {
      this.flush();
      // The socket may still hold the old chunk: leave it alone.
      this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, length));
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += length;
    return this.#chunk.subarray(at, this.#end);
  }

  push(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes);
  }

  flush(): void {
    if (this.#end === this.#start) return;
    this.#socket.write(this.#chunk.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** Exact numbers of bytes from a stream whose chunks have any size. */
import type { Readable } from "node:stream";
import { StatusError } from "../errors.ts";

export class ByteSource {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** @throws StatusError INVALID_ARGUMENT where the stream ends before */
  async take(length: number): Promise<Buffer> {
    const out = Buffer.allocUnsafe(length);
    let at = 0;
    while (at < length) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        const text = `it ends ${length - at} bytes too early`;
        throw new StatusError("INVALID_ARGUMENT", text);
      }
      const part = this.#rest.subarray(0, length - at);
      part.copy(out, at);
      at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return out;
  }

  /** At least so many bytes, or all there are; they stay to be taken. */
  async peek(length: number): Promise<Buffer> {
    while (this.#rest.length < length && (await this.#more()));
    return this.#rest;
  }

  close(): void {
    this.#stream.destroy();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

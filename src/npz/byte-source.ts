/** Exact numbers of bytes from a stream whose chunks have any size. */
import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { StatusError } from "../errors.ts";

export class ByteSource {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #crc32 = 0;

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

  /**
   * Where the stream should end.
   * @param expected check sum of all of it
   * @throws StatusError INVALID_ARGUMENT where there is more, or something else was read
   */
  async end(expected: number): Promise<void> {
    if (this.#rest.length > 0 || (await this.#more())) {
      throw new StatusError("INVALID_ARGUMENT", "there is more in it than its header says");
    }
    if (this.#crc32 === expected) return;
    throw new StatusError("INVALID_ARGUMENT", "its check sum is wrong: the file is damaged");
  }

  close(): void {
    this.#stream.destroy();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return false;
    this.#crc32 = crc32(value, this.#crc32);
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

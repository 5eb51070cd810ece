/** The end of what a worker wrote to its standard streams: often the only hint why it died. */

const KEPT_BYTES = 4096;

export class LastWords {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    // A copy of the end, so that a large chunk is not kept alive by a small view.
    const end = Buffer.from(chunk.subarray(-KEPT_BYTES));
    this.#chunks.push(end);
    this.#bytes += end.length;
    for (;;) {
      const [first] = this.#chunks;
      if (first === undefined || this.#bytes - first.length < KEPT_BYTES) return;
      this.#chunks.shift();
      this.#bytes -= first.length;
    }
  }

  toString(): string {
    return Buffer.concat(this.#chunks).subarray(-KEPT_BYTES).toString().trim();
  }
}

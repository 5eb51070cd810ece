/** Takes stretches of a body in order, as views of the pieces in which it arrived. */
import { NO_BYTES } from "../../inference/pieces.ts";
import type { Pieces } from "../../inference/request.ts";

export class ByteCursor {
  readonly #pieces: readonly Uint8Array[];
  #piece = 0;
  /** Within the piece. */
  #offset = 0;
  left: number;

  constructor(body: Pieces) {
    this.#pieces = body.pieces;
    this.left = body.byteLength;
  }

  /** @param byteLength at most `left` */
  take(byteLength: number): Pieces {
    if (byteLength === 0) return NO_BYTES;
    this.left -= byteLength;
    const pieces: Uint8Array[] = [];
    for (let wanted = byteLength; wanted > 0; ) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) throw new RangeError("a body ends before its length");
      const end = Math.min(this.#offset + wanted, piece.byteLength);
      if (end > this.#offset) pieces.push(piece.subarray(this.#offset, end));
      wanted -= end - this.#offset;
      this.#offset = end;
      if (end === piece.byteLength) {
        this.#piece++;
        this.#offset = 0;
      }
    }
    return { byteLength, pieces };
  }
}

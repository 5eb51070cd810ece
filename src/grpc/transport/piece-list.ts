/**
 * Bytes in the pieces in which they came. A piece that fills a good part of its
 * network buffer stays a view of it; a smaller one is copied next to its
 * neighbours, so that a waiting request of 95 bytes does not pin 64 kB and a
 * message sent in 1-byte frames does not cost an object per byte.
 */
import type { Pieces } from "../../inference/request.ts";

/** A view may pin this many times its own length: a 16 kB frame, less its prefix, in a 64 kB read just may. */
const MAX_PIN_FACTOR = 5;
/** Buffers up to this size may be pinned by however small a view. */
const MAX_PINNED_BYTES = 4096;
const BLOCK_BYTES = 16 * 1024;

export class PieceList implements Pieces {
  readonly pieces: Buffer[] = [];
  byteLength = 0;
  /** The last piece while it is being filled: `#filled` bytes of `#block` are used. */
  #block: Buffer | undefined;
  #filled = 0;

  /** @param remainingBytes how much the list can still grow by, this chunk included. */
  append(chunk: Buffer, remainingBytes: number): void {
    const size = chunk.length;
    this.byteLength += size;
    const pinnedBytes = chunk.buffer.byteLength;
    if (
      pinnedBytes <= MAX_PINNED_BYTES
        ? size === remainingBytes
        : size * MAX_PIN_FACTOR >= pinnedBytes
    ) {
      this.seal();
      this.pieces.push(chunk);
    } else if (size === remainingBytes && this.#block === undefined) {
      this.pieces.push(Buffer.from(chunk));
    } else {
      this.#copy(chunk, remainingBytes);
    }
  }

  /** Cuts the last piece to what was written into it. Call it after the last `append`. */
  seal(): void {
    if (this.#block === undefined) return;
    this.pieces.push(this.#block.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }

  #copy(chunk: Buffer, remainingBytes: number): void {
    let from = 0;
    while (from < chunk.length) {
      this.#block ??= Buffer.allocUnsafe(
        Math.min(BLOCK_BYTES, remainingBytes - from, Math.max(1024, 4 * chunk.length)),
      );
      const copied = chunk.copy(this.#block, this.#filled, from);
      from += copied;
      this.#filled += copied;
      if (this.#filled === this.#block.length) this.seal();
    }
  }
}

/** A message that came as one piece: a view of it, or a copy where that would pin too much. */
export function singlePiece(bytes: Buffer): Pieces {
  return { byteLength: bytes.length, pieces: [pinsTooMuch(bytes) ? Buffer.from(bytes) : bytes] };
}

function pinsTooMuch(view: Buffer): boolean {
  const pinnedBytes = view.buffer.byteLength;
  return pinnedBytes > MAX_PINNED_BYTES && view.length * MAX_PIN_FACTOR < pinnedBytes;
}

/** All bytes in one buffer; no copy where they are in one already. */
export function joined(bytes: Pieces): Buffer {
  const [first] = bytes.pieces;
  if (first === undefined) return Buffer.alloc(0);
  if (bytes.pieces.length > 1) return Buffer.concat(bytes.pieces, bytes.byteLength);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}

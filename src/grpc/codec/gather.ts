/**
 * A message in several pieces, parted into what is small and what is large: the
 * raw tensors stay where they are, as views; everything else is copied into one
 * buffer that can be read as a message of its own.
 */
import { joinPieces } from "../../inference/pieces.ts";
import type { Pieces } from "../../inference/request.ts";
import { MAX_FIELDS, MAX_TENSORS, tooMany } from "./limits.ts";
import { asBuffer, checkTag, malformed, skipField, type WireSource, WireType } from "./wire.ts";

export interface Gathered {
  /** The message without its raw tensors. */
  readonly header: Buffer;
  /** The raw tensors, in order. */
  readonly raw: Pieces[];
}

/**
 * @param rawTag tag of the repeated bytes field that is to stay in place
 * @param fields highest field number that is of interest; others are dropped
 */
export function gather(message: Pieces, rawTag: number, fields: number): Gathered {
  const source = new PiecesReader(message);
  const raw: Pieces[] = [];
  const kept: Uint8Array[] = [];
  let keptBytes = 0;
  while (source.position < source.end) {
    const start = source.mark();
    const tag = source.varint32();
    checkTag(tag);
    source.countField();
    if (tag === rawTag) {
      if (raw.length >= MAX_TENSORS) throw tooMany("raw tensors", MAX_TENSORS);
      const length = source.varint32();
      const from = source.mark();
      source.advance(length);
      raw.push(source.between(from));
      continue;
    }
    skipField(source, tag);
    if (tag >>> 3 > fields || (tag & 7) !== WireType.BYTES) continue;
    const field = source.between(start);
    keptBytes += field.byteLength;
    for (const piece of field.pieces) kept.push(piece);
  }
  return { header: asBuffer(joinPieces({ byteLength: keptBytes, pieces: kept })), raw };
}

/** A place in the pieces. */
interface Mark {
  readonly piece: number;
  readonly offset: number;
  readonly position: number;
}

class PiecesReader implements WireSource {
  position = 0;
  readonly end: number;
  readonly #pieces: readonly Uint8Array[];
  #piece = 0;
  #offset = 0;
  #fieldsLeft = MAX_FIELDS;

  constructor(message: Pieces) {
    this.#pieces = message.pieces;
    this.end = message.pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  }

  mark(): Mark {
    return { piece: this.#piece, offset: this.#offset, position: this.position };
  }

  /** Views of what lies between `from` and here. */
  between(from: Mark): Pieces {
    const pieces: Uint8Array[] = [];
    for (let i = from.piece; i <= this.#piece; i++) {
      const piece = this.#pieces[i];
      if (piece === undefined) break;
      const start = i === from.piece ? from.offset : 0;
      const end = i === this.#piece ? this.#offset : piece.byteLength;
      if (end - start === piece.byteLength) pieces.push(piece);
      else if (end > start) pieces.push(piece.subarray(start, end));
    }
    return { byteLength: this.position - from.position, pieces };
  }

  countField(): void {
    if (--this.#fieldsLeft < 0) throw tooMany("fields", MAX_FIELDS);
  }

  varint32(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 35; factor *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (value < 2 ** 32) return value;
      break;
    }
    throw malformed("a tag or a length takes more than 32 bits");
  }

  skipVarint(): void {
    for (let bytes = 0; bytes < 10; bytes++) if (this.#byte() < 0x80) return;
    throw malformed("a number takes more than 10 bytes");
  }

  advance(byteLength: number): void {
    if (byteLength > this.end - this.position) throw malformed("it ends in the middle of a field");
    this.position += byteLength;
    let left = byteLength;
    for (;;) {
      const available = (this.#pieces[this.#piece]?.byteLength ?? 0) - this.#offset;
      if (left <= available) {
        this.#offset += left;
        return;
      }
      left -= available;
      this.#piece++;
      this.#offset = 0;
    }
  }

  #byte(): number {
    if (this.position >= this.end) throw malformed("it ends in the middle of a field");
    let byte = this.#pieces[this.#piece]?.[this.#offset];
    while (byte === undefined) {
      this.#piece++;
      this.#offset = 0;
      byte = this.#pieces[this.#piece]?.[0];
    }
    this.#offset++;
    this.position++;
    return byte;
  }
}

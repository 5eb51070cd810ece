/** Little-endian numbers and texts in bytes that are not trusted: nothing is read past their end. */
import type { Place } from "./place.ts";

const utf8 = new TextDecoder();
/** They would confuse logs and terminals, and no name of a tool has them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;

export class ByteView {
  readonly bytes: Buffer;
  readonly place: Place;

  constructor(bytes: Buffer, place: Place) {
    this.bytes = bytes;
    this.place = place;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  u8(at: number): number {
    return this.#piece(at, 1).readUInt8();
  }

  u16(at: number): number {
    return this.#piece(at, 2).readUInt16LE();
  }

  i16(at: number): number {
    return this.#piece(at, 2).readInt16LE();
  }

  u32(at: number): number {
    return this.#piece(at, 4).readUInt32LE();
  }

  i32(at: number): number {
    return this.#piece(at, 4).readInt32LE();
  }

  u64(at: number): bigint {
    return this.#piece(at, 8).readBigUInt64LE();
  }

  /** A 64-bit offset or length; what no file can have becomes Infinity. */
  length64(at: number): number {
    const value = this.u64(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  }

  /** A 64-bit address, as people write it: `0x10000000`. */
  address64(at: number): string {
    return `0x${this.u64(at).toString(16)}`;
  }

  /** Text in a field of fixed width, up to its first zero byte. */
  fixedText(at: number, width: number): string {
    const piece = this.#piece(at, width);
    const end = piece.indexOf(0);
    return clean(piece.subarray(0, end === -1 ? width : end).toString("latin1"));
  }

  /** A UUID in the order it is written; undefined where all its bytes are zero. */
  uuid(at: number): string | undefined {
    const hex = this.#piece(at, 16).toString("hex");
    if (/^0+$/.test(hex)) return undefined;
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  /** All bytes as UTF-8, without the zero bytes and spaces that tools pad with. */
  text(): string {
    let end = this.bytes.length;
    while (end > 0 && (this.bytes[end - 1] ?? 0) <= 0x20) end--;
    return utf8.decode(this.bytes.subarray(0, end));
  }

  #piece(at: number, length: number): Buffer {
    if (at + length > this.bytes.length) {
      throw this.place.refusal(
        `a field of ${length} bytes at byte ${at}, expected to end within ${this.bytes.length}`,
      );
    }
    return this.bytes.subarray(at, at + length);
  }
}

/** Text of a file as it may be shown. */
export function clean(text: string): string {
  return text.replace(CONTROL_CHARACTERS, "\ufffd");
}

/**
 * Protocol Buffers' wire format into memory that is kept from one message to the next. The length of a nested message
 * takes four bytes whatever it is (a varint may be longer than it need be): so nothing is moved or measured first.
 */

const FIRST = 64 * 1024;
/** Most that one call writes besides a text or bytes. */
const MARGIN = 64;
/** Up to 256 MiB: more than `MOST_IN_A_MESSAGE` spans can have. */
const LENGTH_BYTES = 4;
/** Longest text that is written letter by letter; beyond, the call into native code pays. */
const SHORT = 64;
const TWO_32 = 2 ** 32;

const NIBBLES = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) NIBBLES[digit.toString(16).charCodeAt(0)] = digit;

export class Wire {
  #bytes = Buffer.allocUnsafe(FIRST);
  #view = viewOf(this.#bytes);
  #at = 0;

  /** A copy of what was written; the next message begins. */
  take(): Uint8Array {
    const taken = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#at);
    this.#at = 0;
    return taken;
  }

  /** @param value a whole number from 0 to 2^53 */
  varint(tag: number, value: number): void {
    this.#room(MARGIN);
    this.#varint(tag);
    this.#varint(value);
  }

  text(tag: number, text: string): void {
    const { length } = text;
    this.#room(MARGIN + 3 * length);
    this.#varint(tag);
    const bytes = this.#bytes;
    if (length <= SHORT) {
      const begin = this.#at + 1;
      let at = 0;
      for (; at < length; at += 1) {
        const code = text.charCodeAt(at);
        if (code >= 0x80) break;
        bytes[begin + at] = code;
      }
      if (at === length) {
        bytes[this.#at] = length;
        this.#at = begin + length;
        return;
      }
    }
    this.#varint(Buffer.byteLength(text));
    this.#at += bytes.write(text, this.#at);
  }

  /** What was encoded before, with its tag. */
  raw(value: Uint8Array): void {
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  /** Bytes field. @param digits hexadecimal, an even number, at most 64 */
  hex(tag: number, digits: string): void {
    this.#room(MARGIN);
    this.#varint(tag);
    this.#bytes[this.#at++] = digits.length >> 1;
    putHex(this.#bytes, this.#at, digits);
    this.#at += digits.length >> 1;
  }

  double(tag: number, value: number): void {
    this.#room(MARGIN);
    this.#varint(tag);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  fixed32(tag: number, value: number): void {
    this.#room(MARGIN);
    this.#varint(tag);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** A fixed64 of nanoseconds. @param wallMs ms since 1970, with a fraction */
  nanoseconds(tag: number, wallMs: number): void {
    this.#room(MARGIN);
    this.#varint(tag);
    putNanoseconds(this.#view, this.#at, wallMs);
    this.#at += 8;
  }

  /** A nested message begins. @returns what `end` wants */
  begin(tag: number): number {
    this.#room(MARGIN);
    this.#varint(tag);
    this.#at += LENGTH_BYTES;
    return this.#at;
  }

  /** @param begun what `begin` gave */
  end(begun: number): void {
    const length = this.#at - begun;
    const bytes = this.#bytes;
    bytes[begun - 4] = (length & 0x7f) | 0x80;
    bytes[begun - 3] = ((length >>> 7) & 0x7f) | 0x80;
    bytes[begun - 2] = ((length >>> 14) & 0x7f) | 0x80;
    bytes[begun - 1] = (length >>> 21) & 0x7f;
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[this.#at++] = rest;
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + more));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

/** @param digits hexadecimal, an even number */
export function putHex(bytes: Uint8Array, begin: number, digits: string): void {
  let to = begin;
  for (let at = 0; at < digits.length; at += 2) {
    const high = NIBBLES[digits.charCodeAt(at)] ?? 0;
    bytes[to++] = (high << 4) | (NIBBLES[digits.charCodeAt(at + 1)] ?? 0);
  }
}

/** Eight bytes, the lowest first. @param wallMs ms since 1970, with a fraction */
export function putNanoseconds(view: DataView, at: number, wallMs: number): void {
  const seconds = Math.floor(wallMs / 1000);
  const rest = Math.round((wallMs - seconds * 1000) * 1e6);
  // seconds × 10^9 + rest, in two halves: no number of ours holds 64 bits.
  const upper = Math.floor(seconds / 0x10000) * 1e9;
  const lower = (seconds % 0x10000) * 1e9 + rest;
  const low = (upper % 0x10000) * 0x10000 + (lower % TWO_32);
  const high = Math.floor(upper / 0x10000) + Math.floor(lower / TWO_32);
  view.setUint32(at, low >>> 0, true);
  view.setUint32(at + 4, high + (low >= TWO_32 ? 1 : 0), true);
}

/** Five bytes whatever the number is. @param value a whole number below `PADDED_VARINT_END` */
export function putPaddedVarint(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value & 0x7f) | 0x80;
  bytes[at + 1] = ((value >>> 7) & 0x7f) | 0x80;
  bytes[at + 2] = ((value >>> 14) & 0x7f) | 0x80;
  bytes[at + 3] = ((value >>> 21) & 0x7f) | 0x80;
  bytes[at + 4] = Math.floor(value / 2 ** 28);
}
export const PADDED_VARINT_END = 2 ** 35;

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer) =>
  new DataView(buffer, byteOffset, byteLength);

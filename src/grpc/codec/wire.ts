/** Protocol Buffers' wire format over one contiguous stretch of bytes. */
import { isUtf8 } from "node:buffer";
import { StatusError } from "../../errors.ts";
import { interned, isInternable } from "./interned.ts";
import { MAX_FIELDS, tooMany } from "./limits.ts";

/** What stands behind a tag. */
export const WireType = {
  VARINT: 0,
  FIXED64: 1,
  BYTES: 2,
  GROUP_START: 3,
  GROUP_END: 4,
  FIXED32: 5,
} as const;

/** Groups inside groups that are followed before a message is refused. */
const DEEPEST_GROUP = 100;

/** A message that is no message: what gRPC's own servers answer, and what was wrong. */
export function malformed(what: string): StatusError {
  return new StatusError("INTERNAL", `Unable to parse request: ${what}`);
}

/** The same bytes with Buffer's methods; no copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where varints and skipped bytes come from: one buffer, or several pieces. */
export interface WireSource {
  /** Bytes read so far. */
  readonly position: number;
  readonly end: number;
  /** A tag or a length: unsigned, refused above 32 bits. */
  varint32(): number;
  /** Passes over a varint of any size. */
  skipVarint(): void;
  /** Says that a field begins. @throws StatusError where the message has had too many */
  countField(): void;
  advance(byteLength: number): void;
}

/** Passes over the value of a field that is of no interest. */
export function skipField(source: WireSource, tag: number, depth = 0): void {
  switch (tag & 7) {
    case WireType.VARINT:
      source.skipVarint();
      return;
    case WireType.FIXED64:
      source.advance(8);
      return;
    case WireType.BYTES:
      source.advance(source.varint32());
      return;
    case WireType.FIXED32:
      source.advance(4);
      return;
    case WireType.GROUP_START: {
      if (depth >= DEEPEST_GROUP) throw malformed("groups nested too deep");
      for (;;) {
        if (source.position >= source.end) throw malformed("a group has no end");
        const inner = source.varint32();
        checkTag(inner);
        source.countField();
        if ((inner & 7) === WireType.GROUP_END) {
          if (inner >>> 3 !== tag >>> 3) throw malformed("a group ends with another one's tag");
          return;
        }
        skipField(source, inner, depth + 1);
      }
    }
    default:
      throw malformed(`field ${tag >>> 3} has wire type ${tag & 7}`);
  }
}

export function checkTag(tag: number): void {
  if (tag >>> 3 === 0) throw malformed("a field has number 0");
}

export class WireReader implements WireSource {
  readonly buffer: Buffer;
  position: number;
  /** End of the message being read; nested messages move it inwards and back. */
  end: number;
  /** Halves of the varint read last by `varint64`, unsigned. */
  low = 0;
  high = 0;
  #fieldsLeft: number;

  /** @param maxFields how many tags are followed, those of nested messages counted too */
  constructor(buffer: Buffer, maxFields = MAX_FIELDS) {
    this.buffer = buffer;
    this.#fieldsLeft = maxFields;
    this.position = 0;
    this.end = buffer.length;
  }

  /** Narrows the reader to a nested message. @returns what `leave` needs to widen it again. */
  enter(): number {
    const length = this.length();
    const outer = this.end;
    this.end = this.position + length;
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  tag(): number {
    const tag = this.varint32();
    if (tag < 8) checkTag(tag);
    this.countField();
    return tag;
  }

  countField(): void {
    if (--this.#fieldsLeft < 0) throw tooMany("fields", MAX_FIELDS);
  }

  /** The length of what follows, which lies within the message. */
  length(): number {
    const length = this.varint32();
    if (length > this.end - this.position) throw truncated();
    return length;
  }

  varint32(): number {
    const first = this.buffer[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.end) {
      this.position++;
      return first;
    }
    this.varint64();
    if (this.high !== 0) throw malformed("a tag or a length takes more than 32 bits");
    return this.low;
  }

  skipVarint(): void {
    this.varint64();
  }

  /** Reads a varint of up to 64 bits into `low` and `high`. */
  varint64(): void {
    const { buffer, end } = this;
    let position = this.position;
    const first = buffer[position];
    if (first !== undefined && first < 0x80 && position < end) {
      this.position = position + 1;
      this.low = first;
      this.high = 0;
      return;
    }
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= end) throw truncated();
      const byte = buffer[position++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.position = position;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw malformed("a number takes more than 10 bytes");
  }

  bool(): boolean {
    this.varint64();
    return (this.low | this.high) !== 0;
  }

  /** An int64; what does not fit a number is cut to ±Number.MAX_SAFE_INTEGER. */
  clampedInt64(): number {
    const first = this.buffer[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.end) {
      this.position++;
      return first;
    }
    this.varint64();
    const value = (this.high | 0) * 0x1_0000_0000 + this.low;
    return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
  }

  /** An int64 or uint64, as a bigint where a number is not exact. */
  exactInt64(signed: boolean): number | bigint {
    this.varint64();
    const high = signed ? this.high | 0 : this.high;
    const value = high * 0x1_0000_0000 + this.low;
    if (Number.isSafeInteger(value)) return value;
    return BigInt(high) * 0x1_0000_0000n + BigInt(this.low);
  }

  double(): number {
    const at = this.position;
    this.advance(8);
    return this.buffer.readDoubleLE(at);
  }

  /** A name that is likely to come again: equal bytes give the same string object. */
  name(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    if (length === 0) return "";
    if (isInternable(length)) {
      const known = interned(this.buffer, start, length);
      if (known !== undefined) return known;
    }
    return decodeUtf8(this.buffer, start, start + length);
  }

  /** A string that is likely to be different every time. */
  text(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    if (length === 0) return "";
    return decodeUtf8(this.buffer, start, start + length);
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.buffer.subarray(start, start + length);
  }

  advance(byteLength: number): void {
    if (byteLength > this.end - this.position) throw truncated();
    this.position += byteLength;
  }

  skip(tag: number): void {
    skipField(this, tag);
  }
}

function truncated(): StatusError {
  return malformed("it ends in the middle of a field");
}

const LONGEST_TEXT_CHECKED_BY_HAND = 64;

function decodeUtf8(buffer: Buffer, start: number, end: number): string {
  if (end - start <= LONGEST_TEXT_CHECKED_BY_HAND) {
    let bits = 0;
    for (let i = start; i < end; i++) bits |= buffer[i] ?? 0;
    if (bits < 0x80) return buffer.toString("latin1", start, end);
  }
  if (!isUtf8(buffer.subarray(start, end))) throw malformed("a string is not UTF-8");
  return buffer.toString("utf8", start, end);
}

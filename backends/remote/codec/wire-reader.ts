/**
 * Protocol Buffers' wire format, read from what another server sent: every length is compared with
 * what is there before anything is taken, and nothing is copied.
 */
import { BackendError } from "../../contract.ts";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** A varint of 64 bits takes no more. */
const LONGEST_VARINT = 10;
/** Fields of one message, nested ones counted apart. More is no answer of a server that means well. */
const MAX_FIELDS = 1_000_000;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What the far server sent is no such message: a server that does this is not to be trusted further. */
export function malformed(what: string, cause?: unknown): BackendError {
  return new BackendError("device", `the answer cannot be read: ${what}`, { cause });
}

/** One message. Call `next`, then one of the reading methods or `skip`, until `next` gives 0. */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  #wireType = 0;
  #fields = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Number of the next field; 0: there is none. @throws BackendError `device` */
  next(): number {
    if (this.#position === this.#bytes.length) return 0;
    this.#fields += 1;
    if (this.#fields > MAX_FIELDS) throw malformed(`more than ${MAX_FIELDS} fields`);
    const tag = this.#varint();
    const field = Number(tag >> 3n);
    if (field === 0 || tag > 0xffff_ffffn) throw malformed("a field without a number");
    this.#wireType = Number(tag & 7n);
    return field;
  }

  /** A view of the answer. */
  bytes(): Buffer {
    this.#expect(BYTES);
    return this.#take(this.#length());
  }

  text(): string {
    try {
      return decoder.decode(this.bytes());
    } catch (cause) {
      throw cause instanceof BackendError ? cause : malformed("a text that is not UTF-8", cause);
    }
  }

  message(): WireReader {
    return new WireReader(this.bytes());
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  uint64(): bigint {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** @throws BackendError `device` where it is no safe integer */
  int64(): number {
    return safe(this.uint64());
  }

  /** An element of a repeated int64, or all of them packed: appended. */
  int64s(into: number[]): void {
    for (const value of this.uint64s()) into.push(safe(value));
  }

  /** Of a repeated varint field: one element, or all of them packed. */
  *uint64s(): Generator<bigint> {
    if (this.#wireType !== BYTES) {
      yield this.uint64();
      return;
    }
    const packed = this.message();
    while (packed.#position < packed.#bytes.length) yield packed.#varint();
  }

  /** Of a repeated fixed-size field: one element, or all of them packed. */
  fixed(elementBytes: 4 | 8): Buffer {
    if (this.#wireType === BYTES) {
      const packed = this.bytes();
      if (packed.length % elementBytes !== 0) throw malformed("numbers that end in the middle");
      return packed;
    }
    this.#expect(elementBytes === 4 ? FIXED32 : FIXED64);
    return this.#take(elementBytes);
  }

  skip(): void {
    if (this.#wireType === VARINT) this.#varint();
    else if (this.#wireType === FIXED64) this.#take(8);
    else if (this.#wireType === FIXED32) this.#take(4);
    else this.bytes();
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return;
    throw malformed(`a field of wire type ${this.#wireType} instead of ${wireType}`);
  }

  #take(byteLength: number): Buffer {
    const start = this.#position;
    const left = this.#bytes.length - start;
    if (byteLength > left) throw malformed(`${byteLength} bytes announced, ${left} left`);
    this.#position = start + byteLength;
    return this.#bytes.subarray(start, this.#position);
  }

  #length(): number {
    const length = this.#varint();
    if (length > BigInt(this.#bytes.length)) {
      throw malformed(`${length} bytes announced, ${this.#bytes.length - this.#position} left`);
    }
    return Number(length);
  }

  #varint(): bigint {
    // One byte is the rule: tags, short lengths, most axes.
    const first = this.#bytes[this.#position];
    if (first !== undefined && first < 0x80) {
      this.#position += 1;
      return BigInt(first);
    }
    let value = 0n;
    for (let i = 0; i < LONGEST_VARINT; i += 1) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw malformed("it ends in the middle of a number");
      this.#position += 1;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed("a number of more than 64 bits");
  }
}

function safe(value: bigint): number {
  const number = Number(BigInt.asIntN(64, value));
  if (Number.isSafeInteger(number)) return number;
  throw malformed(`the number ${BigInt.asIntN(64, value)} is out of all proportion`);
}

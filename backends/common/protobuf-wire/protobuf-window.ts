/**
 * Walks the fields of a protobuf file through a small window, without reading
 * what is skipped: a weight of 2 GB costs one addition. Nothing found in the
 * file is trusted: every length is checked against the end of the message that
 * holds it, and fields, nesting and kept text are bounded.
 */
import type { RandomAccess } from "../artifact-file/artifact-file.ts";

const WINDOW_BYTES = 64 * 1024;
const MAX_VARINT_BYTES = 10;
/** A field begins with at most two varints. */
const FIELD_HEAD_BYTES = 2 * MAX_VARINT_BYTES;
/** The largest graphs seen have some 100 000 nodes, about 2 million fields. */
const MAX_FIELDS = 20_000_000;
const MAX_DEPTH = 64;
const MAX_TEXT_BYTES = 64 * 1024;
const MAX_TOTAL_TEXT_BYTES = 64 * 1024 * 1024;

/** The bytes are not what they should be. The message says where. */
export class MalformedProtobuf extends Error {
  override readonly name = "MalformedProtobuf";
}

/** Handles one field; reads its value, or leaves it to be skipped. */
export type FieldVisitor = (field: Field) => Promise<void> | undefined;

export interface Field {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wireType: number;
  /** Value of a varint; 0n for other wire types. */
  readonly value: bigint;
  /** Where the content of a length-delimited field begins and ends. */
  readonly start: number;
  readonly end: number;
}

const utf8 = new TextDecoder();

export class ProtobufWindow {
  readonly sizeBytes: number;
  readonly #file: RandomAccess;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  /** Offset in the file of the window's first byte, and how many bytes are valid. */
  #windowStart = 0;
  #windowLength = 0;
  #position = 0;
  #fields = 0;
  #textBytes = 0;
  #depth = 0;

  constructor(file: RandomAccess, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Visits the fields between two offsets, in order.
   * @throws MalformedProtobuf
   */
  async message(start: number, end: number, visit: FieldVisitor): Promise<void> {
    if (this.#depth >= MAX_DEPTH) this.#fail(`messages are nested deeper than ${MAX_DEPTH} levels`);
    this.#depth++;
    this.#position = start;
    while (this.#position < end) {
      if (++this.#fields > MAX_FIELDS) this.#fail(`more than ${MAX_FIELDS} fields`);
      await this.#reach(FIELD_HEAD_BYTES);
      const field = this.#head(end);
      await visit(field);
      this.#position = field.end;
    }
    this.#depth--;
  }

  /** The content of a length-delimited field as text. */
  async text(field: Field): Promise<string> {
    const length = field.end - field.start;
    this.#textBytes += length;
    if (length > MAX_TEXT_BYTES || this.#textBytes > MAX_TOTAL_TEXT_BYTES) {
      this.#fail(`a name or a path of ${length} bytes, or too many of them`);
    }
    this.#position = field.start;
    await this.#reach(length);
    const from = field.start - this.#windowStart;
    return utf8.decode(this.#window.subarray(from, from + length));
  }

  /**
   * The numbers of a repeated field: packed, or the one of an occurrence that is not.
   * @param most more of them are an error
   */
  async varints(field: Field, most: number): Promise<readonly bigint[]> {
    if (field.wireType === 0) return [field.value];
    if (field.wireType !== 2) this.#fail(`a list of numbers with wire type ${field.wireType}`);
    const values: bigint[] = [];
    this.#position = field.start;
    while (this.#position < field.end) {
      if (values.length === most) this.#fail(`more than ${most} numbers in a list`);
      await this.#reach(MAX_VARINT_BYTES);
      values.push(this.#varint(field.end));
    }
    return values;
  }

  /** Brings the next `length` bytes (as far as the file has them) into the window. */
  async #reach(length: number): Promise<void> {
    const position = this.#position;
    const windowEnd = this.#windowStart + this.#windowLength;
    const wantedEnd = Math.min(position + length, this.sizeBytes);
    if (position >= this.#windowStart && wantedEnd <= windowEnd) return;
    this.#windowStart = position;
    this.#windowLength = 0;
    while (position + this.#windowLength < wantedEnd) {
      const { bytesRead } = await this.#file.read(
        this.#window,
        this.#windowLength,
        WINDOW_BYTES - this.#windowLength,
        position + this.#windowLength,
      );
      if (bytesRead === 0) this.#fail("the file became shorter while it was read");
      this.#windowLength += bytesRead;
    }
  }

  /** Key and, as far as it is short, value of the field at the position. */
  #head(messageEnd: number): Field {
    const key = this.#varint(messageEnd);
    const number = Number(key >> 3n);
    const wireType = Number(key & 7n);
    if (number === 0 || number > 536_870_911) this.#fail(`field number ${number}`);
    if (wireType === 0) {
      const value = this.#varint(messageEnd);
      return { number, wireType, value, start: this.#position, end: this.#position };
    }
    const length =
      wireType === 1 ? 8n : wireType === 5 ? 4n : wireType === 2 ? this.#varint(messageEnd) : -1n;
    if (length < 0n) this.#fail(`wire type ${wireType}`);
    const start = this.#position;
    if (length > BigInt(messageEnd - start)) {
      this.#fail(`a field of ${length} bytes where ${messageEnd - start} are left`);
    }
    return { number, wireType, value: 0n, start, end: start + Number(length) };
  }

  #varint(messageEnd: number): bigint {
    let low = 0;
    let value = 0n;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      if (this.#position >= messageEnd) this.#fail("the message ends inside a number");
      const byte = this.#window[this.#position - this.#windowStart] ?? 0;
      this.#position++;
      // Four groups of 7 bits fit a small integer; nearly all numbers are that short.
      if (index < 4) low |= (byte & 0x7f) << (7 * index);
      else value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return BigInt.asUintN(64, value | BigInt(low));
    }
    return this.#fail("a number of more than 10 bytes");
  }

  #fail(what: string): never {
    throw new MalformedProtobuf(`${what}, near byte ${this.#position} of ${this.sizeBytes}`);
  }
}

/** Reads header blocks (HPACK, RFC 7541). */
import { DEFAULT_TABLE_BYTES, type HeaderField, HeaderTable } from "./header-table.ts";
import { huffmanText } from "./huffman.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";

/** Bytes a number may go on for: 28 bits more than its prefix. */
const MAX_NUMBER_BYTES = 4;

export class HpackDecoder {
  readonly #table = new HeaderTable();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /**
   * Calls `visit` for each field of a complete block. Every block of a connection has
   * to pass through here, wanted or not: blocks change the table.
   * @returns true where this one did.
   * @throws ConnectionError
   */
  decode(bytes: Buffer, start: number, end: number, visit: (field: HeaderField) => void): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let changed = false;
    let begun = false;
    while (this.#at < end) {
      const byte = bytes[this.#at] ?? 0;
      if (byte >= 0x20 && byte < 0x40) {
        if (begun) throw malformed("a table size within a header block");
        this.#resize(this.#number(5));
        changed = true;
        continue;
      }
      begun = true;
      if (byte >= 0x80) {
        visit(this.#lookUp(this.#number(7)));
        continue;
      }
      const added = byte >= 0x40;
      const field = this.#literal(added ? 6 : 4);
      if (added) {
        this.#table.add(field);
        changed = true;
      }
      visit(field);
    }
    this.#bytes = EMPTY;
    return changed;
  }

  #resize(limitBytes: number): void {
    if (limitBytes > DEFAULT_TABLE_BYTES) throw malformed(`a table of ${limitBytes} bytes`);
    this.#table.resize(limitBytes);
  }

  #literal(prefixBits: number): HeaderField {
    const index = this.#number(prefixBits);
    const name = index === 0 ? this.#text() : this.#lookUp(index).name;
    return { name, value: this.#text() };
  }

  #lookUp(index: number): HeaderField {
    const field = this.#table.lookUp(index);
    if (!field) throw malformed(`index ${index} is in neither table`);
    return field;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed("a header block that breaks off");
    return this.#bytes[this.#at++] ?? 0;
  }

  #number(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let count = 0; count < MAX_NUMBER_BYTES; count++) {
      const byte = this.#byte();
      value += (byte & 127) << (7 * count);
      if (byte < 128) return value;
    }
    throw malformed("a number that is too large");
  }

  #text(): string {
    const start = this.#at;
    const length = this.#number(7);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw malformed("a string that breaks off");
    this.#at = to;
    const huffman = (this.#bytes[start] ?? 0) >= 0x80;
    return huffman ? huffmanText(this.#bytes, from, to) : this.#bytes.toString("latin1", from, to);
  }
}

const EMPTY = Buffer.alloc(0);

function malformed(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `HPACK: ${what}`);
}

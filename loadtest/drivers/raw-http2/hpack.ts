/** HPACK (RFC 7541) as a load client needs it: few distinct headers, decoded by the million. */
import { huffmanText } from "./huffman.ts";

export interface Header {
  readonly name: string;
  readonly value: string;
}

/** Appendix A, from index 1: `name` or `name=value`. */
const STATIC_TABLE = `:authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http
:scheme=https|:status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500
accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition
content-encoding|content-language|content-length|content-location|content-range|content-type|cookie
date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range
if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate
proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security
transfer-encoding|user-agent|vary|via|www-authenticate`
  .split(/[|\n]/)
  .map((entry): Header => {
    const [name = "", value = ""] = entry.split("=");
    return { name, value };
  });

/** What a peer may use before SETTINGS_HEADER_TABLE_SIZE says otherwise. */
const DEFAULT_TABLE_BYTES = 4096;
/** RFC 7541 §4.1: an entry counts for its octets and this much more. */
const ENTRY_OVERHEAD_BYTES = 32;

export class HpackDecoder {
  /** Oldest first: index 62 is the last one. */
  readonly #dynamic: Header[] = [];
  #dynamicBytes = 0;
  #limitBytes = DEFAULT_TABLE_BYTES;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /**
   * Calls `visit` for each header of a complete block. Every block of a
   * connection has to pass through here, wanted or not: blocks change the table.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    visit: (name: string, value: string) => void,
  ): void {
    this.#bytes = bytes;
    this.#at = start;
    while (this.#at < end) {
      const byte = bytes[this.#at] ?? 0;
      if (byte >= 0x80) {
        const header = this.#lookUp(this.#integer(7));
        visit(header.name, header.value);
      } else if (byte >= 0x40) {
        const header = this.#literal(6);
        this.#remember(header);
        visit(header.name, header.value);
      } else if (byte >= 0x20) {
        this.#limitBytes = this.#integer(5);
        this.#evict();
      } else {
        const header = this.#literal(4);
        visit(header.name, header.value);
      }
    }
  }

  #literal(prefixBits: number): Header {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#lookUp(index).name;
    return { name, value: this.#string() };
  }

  #lookUp(index: number): Header {
    const header =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.#dynamic[this.#dynamic.length - (index - STATIC_TABLE.length)];
    if (!header) throw new Error(`HPACK: index ${index} is in neither table`);
    return header;
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  #string(): string {
    const huffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    if (huffman) return huffmanText(this.#bytes, start, this.#at);
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + start, length).toString("latin1");
  }

  #remember(header: Header): void {
    this.#dynamic.push(header);
    this.#dynamicBytes += sizeOf(header);
    this.#evict();
  }

  #evict(): void {
    while (this.#dynamicBytes > this.#limitBytes) {
      const oldest = this.#dynamic.shift();
      if (!oldest) return;
      this.#dynamicBytes -= sizeOf(oldest);
    }
  }
}

function sizeOf(header: Header): number {
  return header.name.length + header.value.length + ENTRY_OVERHEAD_BYTES;
}

/** The same request headers, encoded for the first request of a connection and for all later ones. */
export interface HeaderBlocks {
  readonly first: Uint8Array;
  readonly later: Uint8Array;
}

/**
 * As real clients do: the first block teaches the peer its headers, the later
 * ones are an index each. With a peer whose table holds less than the default,
 * both blocks spell everything out.
 */
export function encodeHeaders(headers: readonly Header[], peerTableBytes: number): HeaderBlocks {
  if (peerTableBytes < DEFAULT_TABLE_BYTES) {
    const clearTable = 0x20;
    const spelled = Uint8Array.from([clearTable, ...headers.flatMap((h) => literal(0x00, h))]);
    return { first: spelled, later: spelled };
  }
  const first: number[] = [];
  const later: ((taught: number) => number)[] = [];
  let taught = 0;
  for (const header of headers) {
    const known = STATIC_TABLE.findIndex(
      ({ name, value }) => name === header.name && value === header.value && value !== "",
    );
    if (known >= 0) {
      first.push(0x80 | (known + 1));
      later.push(() => 0x80 | (known + 1));
      continue;
    }
    first.push(...literal(0x40, header));
    const order = taught++;
    later.push((total) => 0x80 | (STATIC_TABLE.length + total - order));
  }
  return {
    first: Uint8Array.from(first),
    later: Uint8Array.from(later.map((index) => index(taught))),
  };
}

/** A header spelled out, without an entry in any table. */
export function literalHeader(name: string, value: string): number[] {
  return literal(0x00, { name, value });
}

function literal(kind: number, { name, value }: Header): number[] {
  return [kind, ...plainString(name), ...plainString(value)];
}

function plainString(text: string): number[] {
  const bytes = [...Buffer.from(text, "latin1")];
  if (bytes.length < 127) return [bytes.length, ...bytes];
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest & 127) | 128);
  return [...length, rest, ...bytes];
}

/** The tables of HPACK (RFC 7541): the static one, and the dynamic one of one direction of one connection. */

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** Appendix A, from index 1. */
export const STATIC_TABLE: readonly HeaderField[] =
  `:authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http
:scheme=https|:status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500
accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition
content-encoding|content-language|content-length|content-location|content-range|content-type|cookie
date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range
if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate
proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security
transfer-encoding|user-agent|vary|via|www-authenticate`
    .split(/[|\n]/)
    .map((entry) => {
      const [name = "", value = ""] = entry.split("=");
      return { name, value };
    });

/** What a peer may use before SETTINGS_HEADER_TABLE_SIZE says otherwise. */
export const DEFAULT_TABLE_BYTES = 4096;
/** An entry counts for its octets and this much more (§4.1). */
const ENTRY_OVERHEAD_BYTES = 32;

export function fieldBytes({ name, value }: HeaderField): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}

export class HeaderTable {
  /** Oldest first. */
  readonly #entries: HeaderField[] = [];
  #bytes = 0;
  #limitBytes = DEFAULT_TABLE_BYTES;

  /** @param index of both tables, as it goes over the wire. */
  lookUp(index: number): HeaderField | undefined {
    return index <= STATIC_TABLE.length
      ? STATIC_TABLE[index - 1]
      : this.#entries[this.#entries.length - (index - STATIC_TABLE.length)];
  }

  /** A field longer than the whole table empties it (§4.4). */
  add(field: HeaderField): void {
    this.#entries.push(field);
    this.#bytes += fieldBytes(field);
    this.#evict();
  }

  resize(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#limitBytes) {
      const oldest = this.#entries.shift();
      if (!oldest) return;
      this.#bytes -= fieldBytes(oldest);
    }
  }
}

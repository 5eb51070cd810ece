/**
 * Header blocks of requests as objects, with the rules of RFC 9113 §8 looked after. A
 * client whose table is warm sends the same few bytes for every call: for those the
 * object that was made the first time is given again.
 */
import { fieldBytes, type HeaderField } from "./header-table.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import type { RequestHeaders } from "./protocol.ts";

export type HeadersRead =
  /** `ownBytes`: what they take, shared with no other request. */
  | { readonly headers: RequestHeaders; readonly ownBytes: number }
  /** What is wrong with the request. */
  | { readonly fault: string };

interface Remembered {
  readonly block: Buffer;
  readonly read: HeadersRead;
}

/** All fields of a request together, counted as RFC 9113 §6.5.2 does. gRPC's C core takes no more either. */
export const MAX_HEADER_LIST_BYTES = 16 * 1024;
const MAX_REMEMBERED = 8;
const MAX_REMEMBERED_BYTES = 512;

const PSEUDO = [":method", ":scheme", ":path", ":authority"];
const OF_HTTP_1 = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BROKEN_VALUE = /[\0\r\n]/;

export class HeaderReader {
  readonly #hpack = new HpackDecoder();
  #remembered: Remembered[] = [];
  #headers: Record<string, string> = {};
  #listBytes = 0;
  #regular = false;
  #fault: string | undefined = undefined;

  /** @throws ConnectionError where the block cannot be decoded. */
  read(bytes: Buffer, start: number, end: number, trailers: boolean): HeadersRead {
    if (!trailers) {
      for (const { block, read } of this.#remembered) {
        if (sameBytes(block, bytes, start, end)) return read;
      }
    }
    this.#headers = Object.create(null);
    this.#listBytes = 0;
    this.#regular = trailers;
    this.#fault = undefined;
    const changed = this.#hpack.decode(bytes, start, end, this.#visit);
    if (changed) this.#remembered = [];
    if (!trailers) this.#complete();
    const read: HeadersRead =
      this.#fault === undefined
        ? { headers: this.#headers, ownBytes: this.#listBytes }
        : { fault: this.#fault };
    if (!changed && !trailers && end - start <= MAX_REMEMBERED_BYTES) {
      if (this.#remembered.length >= MAX_REMEMBERED) this.#remembered.shift();
      const block = Buffer.from(bytes.subarray(start, end));
      this.#remembered.push({ block, read: "fault" in read ? read : { ...read, ownBytes: 0 } });
    }
    return read;
  }

  readonly #visit = (field: HeaderField): void => {
    if (this.#fault !== undefined) return;
    this.#listBytes += fieldBytes(field);
    if (this.#listBytes > MAX_HEADER_LIST_BYTES) {
      this.#fault = `headers of more than ${MAX_HEADER_LIST_BYTES} bytes`;
      return;
    }
    const { name, value } = field;
    if (name.startsWith(":")) this.#fault = this.#pseudo(name, value);
    else {
      this.#regular = true;
      this.#fault = this.#field(name, value);
    }
  };

  #pseudo(name: string, value: string): string | undefined {
    if (this.#regular) return `${name} where it does not belong`;
    if (!PSEUDO.includes(name)) return `unknown ${name}`;
    if (name in this.#headers) return `${name} twice`;
    if (BROKEN_VALUE.test(value)) return `a line break in ${name}`;
    this.#headers[name] = value;
    return undefined;
  }

  #field(name: string, value: string): string | undefined {
    if (!NAME.test(name)) return "a malformed header name";
    if (OF_HTTP_1.includes(name)) return `${name} is not for HTTP/2`;
    if (name === "te" && value !== "trailers") return "te other than trailers";
    if (BROKEN_VALUE.test(value)) return `a line break in ${name}`;
    const known = this.#headers[name];
    this.#headers[name] = known === undefined ? value : `${known}, ${value}`;
    return undefined;
  }

  #complete(): void {
    if (this.#fault !== undefined) return;
    const missing = [":method", ":scheme", ":path"].find((name) => !this.#headers[name]);
    if (missing) this.#fault = `no ${missing}`;
  }
}

function sameBytes(block: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (block.length !== end - start) return false;
  for (let at = 0; at < block.length; at++) {
    if (block[at] !== bytes[start + at]) return false;
  }
  return true;
}

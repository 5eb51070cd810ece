/** Puts the header block of a request together where it comes in several frames (RFC 9113 §6.2, §6.10). */
import { ConnectionError, ErrorCode, Flag } from "./protocol.ts";

export const MAX_BLOCK_BYTES = 64 * 1024;
const MAX_CONTINUATIONS = 64;

export class HeaderBlock {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  readonly streamId: number;
  /** Of the HEADERS frame. */
  readonly flags: number;

  constructor(streamId: number, flags: number) {
    this.streamId = streamId;
    this.flags = flags;
  }

  /** Copies. @throws ConnectionError */
  add(bytes: Buffer, start: number, end: number): void {
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    this.#bytes += end - start;
    if (this.#bytes > MAX_BLOCK_BYTES || this.#pieces.length > MAX_CONTINUATIONS) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "headers without end");
    }
  }

  whole(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Where the block of a HEADERS frame lies within its payload. @throws ConnectionError */
export function blockOf(
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
): { readonly from: number; readonly to: number } {
  let from = start;
  let to = end;
  if (flags & Flag.PADDED) to -= start < end ? (bytes[from++] ?? 0) : end;
  if (flags & Flag.PRIORITY) from += 5;
  if (from > to) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "padding longer than HEADERS");
  return { from, to };
}

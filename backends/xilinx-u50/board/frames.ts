/**
 * Frames of XRT's emulation socket, strictly a request and its reply in turn. Request: `call_packet_info
 * {fixed64 size = 1; fixed32 xcl_api = 2}`, 14 bytes, and a message of that size. Reply:
 * `response_packet_info {fixed64 size = 1}`, exactly 9 bytes, and a message.
 */
const REQUEST_HEADER = 14;
const REPLY_HEADER = 9;
const SIZE_FIELD_KEY = 9;

export interface Request {
  readonly api: number;
  /** Valid until the next piece is added. */
  readonly message: Uint8Array;
}

/** Puts the pieces that the socket delivers together. Grows to the largest request and keeps that memory. */
export class RequestReader {
  #held = Buffer.allocUnsafeSlow(1 << 20);
  #length = 0;

  /** Where the next piece belongs; never empty. */
  get room(): Uint8Array {
    return this.#held.subarray(this.#length);
  }

  /** `byteLength` more bytes lie in `room`. @returns the request, once it is complete. */
  took(byteLength: number): Request | undefined {
    this.#length += byteLength;
    if (this.#length < REQUEST_HEADER) return undefined;
    const end = REQUEST_HEADER + Number(this.#held.readBigUInt64LE(1));
    if (this.#length < end) {
      this.#reserve(end);
      return undefined;
    }
    this.#length = 0;
    return {
      api: this.#held.readUInt32LE(10),
      message: this.#held.subarray(REQUEST_HEADER, end),
    };
  }

  #reserve(byteLength: number): void {
    if (byteLength <= this.#held.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(byteLength, 2 * this.#held.byteLength));
    this.#held.copy(larger, 0, 0, this.#length);
    this.#held = larger;
  }
}

/** The parts are the fields of the reply's message, in order. */
export function replyFrame(parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const frame = Buffer.allocUnsafe(REPLY_HEADER + size);
  frame.writeUInt8(SIZE_FIELD_KEY, 0);
  frame.writeBigUInt64LE(BigInt(size), 1);
  let at = REPLY_HEADER;
  for (const part of parts) {
    frame.set(part, at);
    at += part.byteLength;
  }
  return frame;
}

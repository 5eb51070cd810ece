/**
 * Frames on a byte stream: a small `meta` part and a bulk `payload`, so that
 * tensors of gigabytes pass without being joined or copied more than once.
 *
 * ```
 * 0        1        4              8                      16
 * | type   | 0xBEA3 | meta length  | payload length (u64) | meta … | payload … |
 * ```
 * All numbers are little-endian. Bytes 1-2 hold the mark, byte 3 is zero.
 */

export const HEADER_BYTES = 16;
const MARK = 0xbea3;
const MAX_META_BYTES = 64 * 2 ** 20;
const MAX_PAYLOAD_BYTES = 2 ** 32 - 1;

/** A frame's header and meta part; `meta` is still to be written, from `HEADER_BYTES` on. */
export function newFrame(type: number, metaBytes: number, payloadBytes: number): Buffer {
  if (metaBytes > MAX_META_BYTES || payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`frame of ${metaBytes} + ${payloadBytes} bytes is too large to be sent`);
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + metaBytes);
  frame[0] = type;
  frame.writeUInt16LE(MARK, 1);
  frame[3] = 0;
  frame.writeUInt32LE(metaBytes, 4);
  frame.writeUInt32LE(payloadBytes, 8);
  frame.writeUInt32LE(0, 12);
  return frame;
}

/** Both views belong to the receiver. A payload starts its own allocation, so it is aligned. */
export type FrameHandler = (type: number, meta: Buffer, payload: Buffer) => void;

const NOTHING: Buffer = Buffer.alloc(0);

/** Cuts a byte stream into frames, however it was split on the way. */
export class FrameParser {
  readonly #onFrame: FrameHandler;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  #type = 0;
  #metaBytes = 0;
  #meta = NOTHING;
  #metaFilled = 0;
  #payload = NOTHING;
  #payloadFilled = 0;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  /** @throws where the bytes are no frames; the stream is of no use afterwards. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerFilled < HEADER_BYTES) at += this.#takeHeader(chunk, at);
      else if (this.#metaFilled < this.#metaBytes) at += this.#takeMeta(chunk, at);
      else at += this.#takePayload(chunk, at);
      if (this.#headerFilled === HEADER_BYTES) this.#deliverIfComplete();
    }
  }

  /** True between frames: a stream that ends here lost nothing. */
  get idle(): boolean {
    return this.#headerFilled === 0;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(
      this.#header,
      this.#headerFilled,
      at,
      at + HEADER_BYTES - this.#headerFilled,
    );
    this.#headerFilled += taken;
    if (this.#headerFilled === HEADER_BYTES) this.#readHeader();
    return taken;
  }

  #readHeader(): void {
    const header = this.#header;
    const metaBytes = header.readUInt32LE(4);
    const payloadBytes = header.readUInt32LE(8);
    const wellFormed =
      header.readUInt16LE(1) === MARK && header[3] === 0 && header.readUInt32LE(12) === 0;
    if (!wellFormed || metaBytes > MAX_META_BYTES) {
      throw new RangeError(`not a frame: header ${header.toString("hex")}`);
    }
    this.#type = header.readUInt8(0);
    this.#metaBytes = metaBytes;
    this.#payload = payloadBytes === 0 ? NOTHING : Buffer.allocUnsafeSlow(payloadBytes);
  }

  #takeMeta(chunk: Buffer, at: number): number {
    if (this.#metaFilled === 0 && chunk.length - at >= this.#metaBytes) {
      this.#meta = chunk.subarray(at, at + this.#metaBytes);
      this.#metaFilled = this.#metaBytes;
      return this.#metaBytes;
    }
    if (this.#metaFilled === 0) this.#meta = Buffer.allocUnsafe(this.#metaBytes);
    const taken = chunk.copy(this.#meta, this.#metaFilled, at);
    this.#metaFilled += taken;
    return taken;
  }

  #takePayload(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#payload, this.#payloadFilled, at);
    this.#payloadFilled += taken;
    return taken;
  }

  #deliverIfComplete(): void {
    if (this.#metaFilled < this.#metaBytes || this.#payloadFilled < this.#payload.length) return;
    const meta = this.#meta;
    const payload = this.#payload;
    this.#headerFilled = 0;
    this.#meta = NOTHING;
    this.#metaBytes = 0;
    this.#metaFilled = 0;
    this.#payload = NOTHING;
    this.#payloadFilled = 0;
    this.#onFrame(this.#type, meta, payload);
  }
}

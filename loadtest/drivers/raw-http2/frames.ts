/** HTTP/2 frames (RFC 9113) as a client without a library writes and cuts them. */

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
} as const;

export const FRAME_HEADER_BYTES = 9;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const LARGEST_WINDOW_BYTES = 2 ** 31 - 1;
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6);
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(FRAME.SETTINGS, 0, 0, payload);
}

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes, 0);
  return frame(FRAME.WINDOW_UPDATE, 0, stream, payload);
}

/** Receives frames as they complete. Byte ranges are valid during the call only. */
export interface FrameSink {
  /** Part of a DATA frame's payload, `start` to `end` (padding counted as data: gRPC servers send none). */
  data(stream: number, bytes: Buffer, start: number, end: number): void;
  /** The last byte of a frame is there; of DATA, `end - start` is 0. */
  frame(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
}

const NOTHING = Buffer.alloc(0);

/** Cuts a byte stream into frames; looks at no payload and copies only what a read has split. */
export class FrameCutter {
  readonly #sink: FrameSink;
  /** Header, or header and payload, of the frame that the last read left unfinished. */
  #kept: Buffer = NOTHING;
  /** Payload still to come of an unfinished DATA frame. */
  #dataLeft = 0;
  #dataFlags = 0;
  #dataStream = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** `read` may be reused by the caller afterwards. */
  push(read: Buffer): void {
    let at = 0;
    let bytes = read;
    if (this.#dataLeft > 0) at = this.#takeData(bytes, 0, bytes.length);
    else if (this.#kept.length > 0) bytes = Buffer.concat([this.#kept, read]);
    const end = bytes.length;
    let wanted = FRAME_HEADER_BYTES;
    while (end - at >= wanted) {
      const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      const type = bytes[at + 3] ?? 0;
      const flags = bytes[at + 4] ?? 0;
      const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      if (type === FRAME.DATA) {
        this.#dataLeft = length;
        this.#dataFlags = flags;
        this.#dataStream = stream;
        at = this.#takeData(bytes, at + FRAME_HEADER_BYTES, end);
        continue;
      }
      if (end - at < FRAME_HEADER_BYTES + length) {
        wanted = FRAME_HEADER_BYTES + length;
        break;
      }
      const start = at + FRAME_HEADER_BYTES;
      at = start + length;
      this.#sink.frame(type, flags, stream, bytes, start, at);
    }
    this.#kept = at === end ? NOTHING : Buffer.from(bytes.subarray(at, end));
  }

  #takeData(bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(this.#dataLeft, end - at);
    this.#dataLeft -= taken;
    if (taken > 0) this.#sink.data(this.#dataStream, bytes, at, at + taken);
    if (this.#dataLeft === 0) {
      this.#sink.frame(FRAME.DATA, this.#dataFlags, this.#dataStream, this.#kept, 0, 0);
    }
    return at + taken;
  }
}

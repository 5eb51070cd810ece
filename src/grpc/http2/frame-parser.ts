/**
 * Cuts what a client sends into frames. Payload of DATA is handed on as it comes,
 * as views of the chunks; other frames are whole, copied only where chunks split them.
 */
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  Frame,
  PREFACE,
} from "./protocol.ts";

export interface FrameSink {
  /** A DATA frame begins. @param payloadBytes padding included: what flow control counts. */
  dataBegin(streamId: number, payloadBytes: number): void;
  data(piece: Buffer): void;
  /** @param flags of the frame. @param paddingBytes of the payload, what was not handed on as data. */
  dataEnd(flags: number, paddingBytes: number): void;
  /** Any other frame; its payload is `bytes[start, end)`, valid during the call only. */
  frame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
}

/** Frames that are not DATA are kept whole; none that a gRPC client has reason to send is longer. */
const MAX_KEPT_BYTES = 72 * 1024;
const KEPT_AT_FIRST_BYTES = 128;

/** How much of a frame has to be here for it to be read, as far as its first `have` bytes tell. */
function wholeBytes(bytes: Buffer, have: number): number {
  if (have < FRAME_HEADER_BYTES || bytes[3] === Frame.DATA) return FRAME_HEADER_BYTES;
  return FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
}

export class FrameParser {
  /** Counts frames that were whole; DATA as soon as they begin. */
  frames = 0;
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  #prefaceBytes = 0;
  /** Beginning of a frame that is not whole yet, and room for more of it. */
  #kept: Buffer | undefined = undefined;
  #keptBytes = 0;
  #inData = false;
  #flags = 0;
  /** A DATA frame that is padded, whose padding length did not come yet. */
  #padLengthDue = false;
  #dataLeft = 0;
  #paddingBytes = 0;
  #paddingLeft = 0;
  #stopped = false;

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** A frame has begun of which more is awaited before it is looked at. */
  get midFrame(): boolean {
    return this.#kept !== undefined;
  }

  /** Ignores what follows. */
  stop(): void {
    this.#stopped = true;
    this.#kept = undefined;
  }

  /** @throws ConnectionError */
  push(chunk: Buffer): void {
    let at = this.#prefaceBytes < PREFACE.length ? this.#readPreface(chunk) : 0;
    if (this.#kept) at = this.#complete(this.#kept, chunk, at);
    while (!this.#stopped && at < chunk.length) {
      const next = this.#inData ? this.#readData(chunk, at) : this.#readFrame(chunk, at);
      if (next < 0) {
        this.#keep(chunk, at, chunk.length);
        return;
      }
      at = next;
    }
  }

  /** Adds to what was kept. @returns where in the chunk the rest of it begins */
  #complete(beginning: Buffer, chunk: Buffer, from: number): number {
    let kept = beginning;
    let at = from;
    while (at < chunk.length) {
      const end = Math.min(wholeBytes(kept, this.#keptBytes), kept.length);
      const taken = chunk.copy(kept, this.#keptBytes, at, at + end - this.#keptBytes);
      this.#keptBytes += taken;
      at += taken;
      if (this.#keptBytes < end) break;
      this.#kept = undefined;
      if (this.#readFrame(kept.subarray(0, this.#keptBytes), 0) >= 0) break;
      kept = this.#keep(kept, 0, this.#keptBytes);
    }
    return at;
  }

  /** A copy: a few bytes must not keep a whole chunk alive. It grows by doubling: what comes byte by byte is not copied for each. */
  #keep(bytes: Buffer, from: number, to: number): Buffer {
    const have = to - from;
    const whole = wholeBytes(bytes.subarray(from, to), have);
    const kept = Buffer.allocUnsafeSlow(Math.min(whole, Math.max(2 * have, KEPT_AT_FIRST_BYTES)));
    bytes.copy(kept, 0, from, to);
    this.#kept = kept;
    this.#keptBytes = have;
    return kept;
  }

  #readPreface(chunk: Buffer): number {
    const length = Math.min(PREFACE.length - this.#prefaceBytes, chunk.length);
    const from = this.#prefaceBytes;
    if (PREFACE.compare(chunk, 0, length, from, from + length) !== 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 connection preface");
    }
    this.#prefaceBytes += length;
    return length;
  }

  /** @returns where the next frame begins; -1: more bytes are needed. */
  #readFrame(bytes: Buffer, at: number): number {
    if (bytes.length - at < FRAME_HEADER_BYTES) return -1;
    const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const type = bytes[at + 3] ?? 0;
    const flags = bytes[at + 4] ?? 0;
    const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    const start = at + FRAME_HEADER_BYTES;
    if (length > this.#maxFrameBytes) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
    }
    if (type === Frame.DATA) {
      this.frames++;
      this.#beginData(streamId, flags, length);
      return start;
    }
    if (length > MAX_KEPT_BYTES) {
      throw new ConnectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `a frame of type ${type} and ${length} bytes`,
      );
    }
    const end = start + length;
    if (end > bytes.length) return -1;
    this.frames++;
    this.#sink.frame(type, flags, streamId, bytes, start, end);
    return end;
  }

  #beginData(streamId: number, flags: number, length: number): void {
    this.#flags = flags;
    this.#padLengthDue = (flags & Flag.PADDED) !== 0;
    if (this.#padLengthDue && length === 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a padded DATA frame without a byte");
    }
    this.#dataLeft = length;
    this.#paddingBytes = 0;
    this.#paddingLeft = 0;
    this.#inData = true;
    this.#sink.dataBegin(streamId, length);
    if (length === 0) this.#endData();
  }

  #readData(bytes: Buffer, from: number): number {
    let at = from;
    if (this.#padLengthDue) {
      this.#padLengthDue = false;
      const padding = bytes[at++] ?? 0;
      this.#dataLeft -= 1 + padding;
      if (this.#dataLeft < 0) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "padding longer than its frame");
      }
      this.#paddingBytes = 1 + padding;
      this.#paddingLeft = padding;
    }
    const take = Math.min(this.#dataLeft, bytes.length - at);
    if (take > 0) {
      this.#dataLeft -= take;
      this.#sink.data(bytes.subarray(at, at + take));
      at += take;
    }
    const skip = Math.min(this.#paddingLeft, bytes.length - at);
    this.#paddingLeft -= skip;
    if (this.#dataLeft === 0 && this.#paddingLeft === 0) this.#endData();
    return at + skip;
  }

  #endData(): void {
    this.#inData = false;
    this.#sink.dataEnd(this.#flags, this.#paddingBytes);
  }
}

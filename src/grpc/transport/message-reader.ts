/**
 * Cuts a stream of chunks into gRPC messages: one byte flag, four bytes length
 * (big-endian), then that many bytes.
 */
import type { Pieces } from "../../inference/request.ts";
import { PREFIX_BYTES } from "./frame.ts";
import { PieceList } from "./piece-list.ts";

export interface MessageSink {
  /**
   * An uncompressed message lies in `chunk` from `start` to `end`.
   * @returns true: it was taken; false: it is read like any other.
   */
  wholeMessage?(chunk: Buffer, start: number, end: number): boolean;
  /**
   * A prefix was read.
   * @returns false: whatever follows is kept until `MessageReader.resume`.
   */
  beginMessage(lengthBytes: number, compressed: boolean): boolean;
  /** May call `MessageReader.hold`. */
  endMessage(message: Pieces, compressed: boolean): void;
  /** The first byte of a prefix is neither 0 nor 1: what follows cannot be read. */
  badFlag(flag: number): void;
}

export class MessageReader {
  readonly #sink: MessageSink;
  #prefixBytes = 0;
  #flag = 0;
  #lengthBytes = 0;
  #body: PieceList | undefined;
  #backlog: PieceList | undefined;
  #state: "reading" | "holding" | "stopped" = "reading";

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  get holding(): boolean {
    return this.#state === "holding";
  }

  /** True between the first byte of a message and its last. */
  get midMessage(): boolean {
    return this.#prefixBytes > 0;
  }

  /** Of the message being read, without its prefix. */
  get receivedBytes(): number {
    return this.#body?.byteLength ?? 0;
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Bytes kept because the sink asked to wait. */
  get backlogBytes(): number {
    return this.#backlog?.byteLength ?? 0;
  }

  push(chunk: Buffer): void {
    if (this.#state === "reading") this.#read(chunk);
    else if (this.#state === "holding") this.#keep(chunk);
  }

  /** Keeps what comes until `resume`. */
  hold(): void {
    if (this.#state === "reading") this.#state = "holding";
  }

  resume(): void {
    if (this.#state !== "holding") return;
    this.#state = "reading";
    this.#finishIfComplete();
    const backlog = this.#backlog;
    if (!backlog) return;
    this.#backlog = undefined;
    backlog.seal();
    for (const piece of backlog.pieces) this.push(piece);
  }

  /** Forgets everything; what comes is ignored. */
  stop(): void {
    this.#state = "stopped";
    this.#body = undefined;
    this.#backlog = undefined;
  }

  #read(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#state !== "reading") {
        this.push(chunk.subarray(offset));
        return;
      }
      offset =
        this.#prefixBytes < PREFIX_BYTES
          ? this.#readPrefix(chunk, offset)
          : this.#readBody(chunk, offset);
    }
  }

  #readPrefix(chunk: Buffer, from: number): number {
    let offset = from;
    if (this.#prefixBytes === 0 && chunk.length - offset >= PREFIX_BYTES) {
      this.#flag = chunk[offset] ?? 0;
      this.#lengthBytes = chunk.readUInt32BE(offset + 1);
      const start = offset + PREFIX_BYTES;
      const end = start + this.#lengthBytes;
      if (this.#flag === 0 && end <= chunk.length && this.#sink.wholeMessage?.(chunk, start, end)) {
        return end;
      }
      this.#prefixBytes = PREFIX_BYTES;
      offset += PREFIX_BYTES;
    } else {
      while (this.#prefixBytes < PREFIX_BYTES && offset < chunk.length) {
        const byte = chunk[offset++] ?? 0;
        if (this.#prefixBytes++ === 0) {
          this.#flag = byte;
          this.#lengthBytes = 0;
        } else {
          this.#lengthBytes = this.#lengthBytes * 256 + byte;
        }
      }
      if (this.#prefixBytes < PREFIX_BYTES) return offset;
    }
    if (this.#flag > 1) {
      this.stop();
      this.#sink.badFlag(this.#flag);
      return offset;
    }
    this.#body = new PieceList();
    if (this.#sink.beginMessage(this.#lengthBytes, this.#flag === 1)) this.#finishIfComplete();
    else this.hold();
    return offset;
  }

  #readBody(chunk: Buffer, offset: number): number {
    const body = this.#body;
    if (!body) return chunk.length;
    const remaining = this.#lengthBytes - body.byteLength;
    const end = Math.min(chunk.length, offset + remaining);
    body.append(
      offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end),
      remaining,
    );
    this.#finishIfComplete();
    return end;
  }

  #finishIfComplete(): void {
    const body = this.#body;
    if (!body || body.byteLength < this.#lengthBytes) return;
    body.seal();
    this.#body = undefined;
    this.#prefixBytes = 0;
    this.#sink.endMessage(body, this.#flag === 1);
  }

  #keep(chunk: Buffer): void {
    this.#backlog ??= new PieceList();
    this.#backlog.append(chunk, Number.POSITIVE_INFINITY);
  }
}

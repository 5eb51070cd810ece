/** The socket between the gateway and an edge: frames of `words.ts`, in one system call a turn of the event loop. */
import type { Socket } from "node:net";
import { writeFrameHeader } from "../http2/frames.ts";
import { Outbox } from "../http2/outbox.ts";
import { FRAME_HEADER_BYTES } from "../http2/protocol.ts";

export interface LineListener {
  /** Its payload is `bytes[start, end)`, which stay as they are. */
  frame(
    type: number,
    flags: number,
    connection: number,
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
  /** What was delivered at once is over. */
  pause?(): void;
  /** The other side takes again what is said, after it did not. */
  drained?(): void;
  /** Comes once. */
  closed(): void;
}

const HEADER_BYTES = FRAME_HEADER_BYTES + 4;
/** Longer payloads are passed on without a copy. */
export const COPY_BYTES = 16 * 1024;
/** Longer ones are parted, so that what is put together at the other end stays short. */
const LONGEST_BYTES = 256 * 1024;
/** More than this under way: better wait. */
const ENOUGH_BYTES = 4 * 1024 * 1024;
/** Of a long turn so much is sent before its end: the other side need not wait for all of it. */
const EARLY_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

export class Line {
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #listener: LineListener;
  readonly #now: () => number;
  /** `now`, ms, when the last chunk was read. */
  readAt = 0;
  #scheduled = false;
  /** Of a frame that is not whole yet. */
  #pieces: Buffer[] = [];
  #heldBytes = 0;
  #neededBytes = HEADER_BYTES;

  /** @param now monotonic ms */
  constructor(socket: Socket, listener: LineListener, now = () => performance.now()) {
    this.#socket = socket;
    this.#listener = listener;
    this.#now = now;
    this.#outbox = new Outbox(socket, true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("drain", () => listener.drained?.());
    socket.on("error", () => {}); // `close` follows
    socket.on("end", () => socket.destroy());
    socket.on("close", () => listener.closed());
  }

  /** So much is under way that the other side is behind. */
  get full(): boolean {
    return this.#outbox.pendingBytes + this.#socket.writableLength > ENOUGH_BYTES;
  }

  say(type: number, connection: number, stream = 0, payload: Buffer = NOTHING, flags = 0): void {
    const { length } = payload;
    const copied = length <= COPY_BYTES;
    const start = this.reserve(type, flags, connection, stream, length, copied ? length : 0);
    if (copied) this.#outbox.bytes.set(payload, start);
    else this.#outbox.push(payload);
  }

  /** Bytes of a body or an answer, of any length. */
  sayBytes(type: number, connection: number, stream: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += LONGEST_BYTES) {
      this.say(type, connection, stream, bytes.subarray(at, at + LONGEST_BYTES));
    }
  }

  /**
   * Writes the head of a frame, and makes room behind it for `copiedBytes` of its payload.
   * @returns where in `bytes` it begins
   */
  reserve(
    type: number,
    flags: number,
    connection: number,
    stream: number,
    payloadBytes: number,
    copiedBytes: number,
  ): number {
    if (this.#outbox.pendingBytes > EARLY_BYTES) this.#outbox.flush();
    const at = this.#outbox.reserve(HEADER_BYTES + copiedBytes);
    const { bytes } = this.#outbox;
    const end = writeFrameHeader(bytes, at, payloadBytes, type, flags, stream);
    bytes.writeUInt32BE(connection, end);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return end + 4;
  }

  /** Of the last `reserve`. */
  get bytes(): Buffer {
    return this.#outbox.bytes;
  }

  close(): void {
    this.#outbox.flush();
    this.#socket.end();
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#outbox.flush();
  };

  #onData(chunk: Buffer): void {
    this.readAt = this.#now();
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#pieces.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#neededBytes) return;
      bytes = Buffer.concat(this.#pieces, this.#heldBytes);
      this.#pieces = [];
      this.#heldBytes = 0;
    }
    const at = this.#frames(bytes);
    if (at < bytes.length) {
      this.#pieces.push(bytes.subarray(at));
      this.#heldBytes = bytes.length - at;
    }
    this.#listener.pause?.();
  }

  /** @returns where the first frame begins that is not whole */
  #frames(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const start = at + HEADER_BYTES;
      this.#neededBytes = HEADER_BYTES;
      if (start > bytes.length) return at;
      const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      this.#neededBytes = HEADER_BYTES + length;
      if (start + length > bytes.length) return at;
      const type = bytes[at + 3] ?? 0;
      const flags = bytes[at + 4] ?? 0;
      const stream = bytes.readUInt32BE(at + 5);
      const connection = bytes.readUInt32BE(at + 9);
      at = start + length;
      this.#listener.frame(type, flags, connection, stream, bytes, start, at);
    }
  }
}

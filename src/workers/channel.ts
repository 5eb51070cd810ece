/**
 * Frames both ways over one connected stream: the socket pair of a worker on
 * this host, a TCP or TLS connection to one elsewhere.
 */
import type { Duplex } from "node:stream";
import { type FrameHandler, FrameParser } from "./frames.ts";

export class Channel {
  readonly #stream: Duplex;
  #closed = false;

  /** `onClose` is called once, with the reason where the stream broke or carried no frames. */
  constructor(stream: Duplex, onFrame: FrameHandler, onClose: (error?: Error) => void) {
    this.#stream = stream;
    const parser = new FrameParser(onFrame);
    let failure: Error | undefined;
    stream.on("data", (chunk: Buffer) => {
      if (this.#closed) return;
      try {
        parser.push(chunk);
      } catch (cause) {
        stream.destroy(cause instanceof Error ? cause : new Error(String(cause)));
      }
    });
    stream.on("error", (error) => {
      failure = error;
    });
    stream.on("end", () => stream.destroy());
    stream.on("close", () => {
      this.#closed = true;
      onClose(failure ?? (parser.idle ? undefined : new Error("ended in the middle of a frame")));
    });
  }

  /** Bytes given to `send` that the system has not taken yet. */
  get backlogBytes(): number {
    return this.#stream.writableLength;
  }

  /**
   * Sends a frame made by `newFrame`. The bytes of `payload` must stay as they
   * are until the other side has answered or `drained` resolved. After the
   * channel closed it does nothing: `onClose` has told.
   */
  send(frame: Buffer, payload?: readonly Uint8Array[]): void {
    if (this.#closed) return;
    if (payload === undefined || payload.length === 0) {
      this.#stream.write(frame);
      return;
    }
    this.#stream.cork();
    this.#stream.write(frame);
    for (const piece of payload) this.#stream.write(piece);
    this.#stream.uncork();
  }

  /** Resolves once everything sent has left this process, or never will. */
  drained(): Promise<void> {
    if (this.#closed || this.#stream.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#stream.write(Buffer.alloc(0), () => resolve());
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}

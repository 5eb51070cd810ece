/**
 * Lines on their way to a file descriptor, written in the background. A reader
 * that sleeps, a full disk or a closed pipe costs lines, which are counted;
 * never the event loop, the heap or the process.
 */
import { write } from "node:fs";

const RETRY_MS = 20;

/** Signature of `fs.write` for a whole buffer; replaceable in tests. */
export type WriteTo = (
  fd: number,
  bytes: Buffer,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

export class LineSink {
  readonly #fd: number;
  readonly #limitBytes: number;
  readonly #writeTo: WriteTo;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing = false;
  #dropped = 0;
  #onIdle: (() => void)[] = [];

  /** @param limitBytes what may wait; lines beyond it are dropped. */
  constructor(fd: number, limitBytes: number, writeTo: WriteTo = write) {
    this.#fd = fd;
    this.#limitBytes = limitBytes;
    this.#writeTo = writeTo;
  }

  get droppedLines(): number {
    return this.#dropped;
  }

  /** @param line with its newline. */
  write(line: string): void {
    if (this.#waitingBytes + line.length > this.#limitBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    if (!this.#writing) this.#next();
  }

  /** Resolves when all was written, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (!this.#writing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(): void {
    const lines = this.#waiting;
    if (lines.length === 0) {
      this.#writing = false;
      for (const told of this.#onIdle.splice(0)) told();
      return;
    }
    this.#writing = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#push(Buffer.from(lines.join("")), lines.length);
  }

  #push(bytes: Buffer, lines: number): void {
    this.#writeTo(this.#fd, bytes, (error, written) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#push(bytes, lines), RETRY_MS);
      } else if (error) {
        this.#dropped += lines;
        this.#next();
      } else if (written < bytes.length) {
        this.#push(bytes.subarray(written), lines);
      } else {
        this.#next();
      }
    });
  }
}

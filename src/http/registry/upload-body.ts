/**
 * The body of an upload in large pieces. What arrives while the disk writes one piece becomes the next, and
 * the client is made to wait where that is full: two pieces are in memory, however long the body is.
 */
import type { IncomingMessage } from "node:http";
import { StatusError } from "../../errors.ts";

/** Small writes cost a system call and a trip to another thread each. */
const PIECE_BYTES = 1024 * 1024;
/** Above a piece: the chunk that makes it whole is longer than what was missing. */
const SLACK_BYTES = 128 * 1024;

export class UploadBody implements AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage;
  readonly #closing: () => boolean;
  /** Two of them take turns: new memory for every piece is a gigabyte of garbage a gigabyte. */
  #filled = Buffer.allocUnsafe(PIECE_BYTES + SLACK_BYTES);
  #other = Buffer.allocUnsafe(PIECE_BYTES + SLACK_BYTES);
  #bytes = 0;
  #ended = false;
  #discarding = false;
  #broken: StatusError | undefined;
  #wake = () => {};

  /** @param closing true once the gateway stops: the rest can be sent to the next one */
  constructor(request: IncomingMessage, closing: () => boolean) {
    this.#request = request;
    this.#closing = closing;
    request.on("data", (chunk: Uint8Array) => this.#take(chunk));
    request.on("end", () => this.#end());
    request.on("error", () => this.#hungUp());
    request.on("close", () => this.#hungUp());
  }

  /** Everything came. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The client is gone: there is nobody to answer. */
  get hungUp(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * A piece is good until the next one is asked for.
   * @throws StatusError CANCELLED when the client hangs up, UNAVAILABLE when the gateway stops
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      while (this.#bytes < PIECE_BYTES && !this.#ended && this.#broken === undefined) {
        await this.#more();
      }
      if (this.#bytes > 0) {
        const piece = this.#filled.subarray(0, this.#bytes);
        [this.#filled, this.#other] = [this.#other, this.#filled];
        this.#bytes = 0;
        this.#request.resume();
        yield piece;
      } else if (this.#ended) return;
      else if (this.#broken !== undefined) throw this.#broken;
      if (this.#closing() && !this.#ended) throw new StatusError("UNAVAILABLE", STOPPING);
    }
  }

  /**
   * What is still on its way goes nowhere: the client has to read its answer.
   * @returns resolved when it has sent all, or is gone
   */
  async discard(): Promise<void> {
    this.#discarding = true;
    this.#bytes = 0;
    this.#request.resume();
    while (!this.#ended && this.#broken === undefined) await this.#more();
  }

  #take(chunk: Uint8Array): void {
    if (this.#discarding) return;
    if (this.#bytes + chunk.length > this.#filled.length) {
      this.#filled = Buffer.concat([this.#filled], this.#bytes + chunk.length);
    }
    this.#filled.set(chunk, this.#bytes);
    this.#bytes += chunk.length;
    if (this.#bytes < PIECE_BYTES) return;
    this.#request.pause();
    this.#wake();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #hungUp(): void {
    if (this.#ended) return;
    this.#broken ??= new StatusError("CANCELLED", "the client hung up in the middle of its upload");
    this.#wake();
  }
}

const STOPPING = "this gateway is stopping; what was uploaded stays, go on when it is back";

/**
 * What comes of a call while it is found out who sends it. Nothing of it is looked at: the client may send
 * as much as one stream's window takes, and waits then.
 */
import type { Stream, StreamOwner } from "../http2/stream.ts";
import type { ServerCall } from "./server-call.ts";

export class HeldCall implements StreamOwner {
  readonly #stream: Stream;
  readonly #chunks: Buffer[] = [];
  #ended: boolean;
  gone = false;

  /** @param ended the client sent nothing but headers */
  constructor(stream: Stream, ended: boolean) {
    this.#stream = stream;
    this.#ended = ended;
    stream.owner = this;
  }

  chunk(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return false;
  }

  inputEnd(): void {
    this.#ended = true;
  }

  drained(): void {}

  streamClosed(): void {
    this.gone = true;
  }

  /** Has `call` take over, from the beginning. */
  handOver(call: ServerCall): void {
    const chunks = this.#chunks.splice(0);
    call.start(this.#ended && chunks.length === 0);
    let taken = true;
    for (const chunk of chunks) taken = call.chunk(chunk);
    if (taken) this.#stream.readOn();
    if (this.#ended && chunks.length > 0) call.inputEnd();
  }
}

/** One stream of a client at an edge. The gateway hears of it once it is known what came with its headers. */
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream, StreamOwner } from "../http2/stream.ts";
import { Asked, FLAG, readAnswer, Told } from "./words.ts";

/** The connection that it is of. */
export interface Teller {
  tellRequest(stream: ForwardedStream, body: Buffer, last: boolean): void;
  tell(type: number, streamId: number, payload?: Buffer): void;
  streamClosed(streamId: number, known: boolean): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class ForwardedStream implements StreamOwner {
  readonly id: number;
  readonly headers: RequestHeaders;
  readonly #stream: Stream;
  readonly #teller: Teller;
  /** The gateway knows of it. */
  #told = false;
  /** Came while it did not. */
  #first: Buffer | undefined = undefined;
  /** The gateway has given the whole answer: it counts on nothing more of this stream. */
  #answered = false;
  #writtenBytes = 0;
  #toldBytes = 0;

  constructor(stream: Stream, headers: RequestHeaders, teller: Teller) {
    this.id = stream.id;
    this.headers = headers;
    this.#stream = stream;
    this.#teller = teller;
  }

  /** There are written bytes of which the gateway does not know that they have left. */
  get untold(): boolean {
    return this.#writtenBytes > this.#toldBytes && !this.#stream.closed;
  }

  /** Since it was asked last. */
  takenBytes(): number {
    const taken = this.#writtenBytes - this.#stream.queuedBytes - this.#toldBytes;
    this.#toldBytes += taken;
    return taken;
  }

  /** Nothing more comes with its headers. */
  tellBegun(last = false): void {
    if (this.#told || this.#stream.closed) return;
    this.#told = true;
    const body = this.#first ?? NOTHING;
    this.#first = undefined;
    this.#teller.tellRequest(this, body, last);
  }

  chunk(chunk: Buffer): boolean {
    if (!this.#told && this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.tellBegun();
      this.#teller.tell(Told.DATA, this.id, chunk);
    }
    // The gateway says when there is room for more.
    return false;
  }

  inputEnd(): void {
    if (this.#told) this.#teller.tell(Told.END, this.id);
    else this.tellBegun(true);
  }

  drained(): void {}

  streamClosed(): void {
    this.#teller.streamClosed(this.id, this.#told && !this.#answered);
  }

  asked(type: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (type === Asked.ANSWER) {
      this.#answered = true;
      const { headers, data, trailers } = readAnswer(bytes, start, end);
      stream.answer(headers, data, trailers);
    } else if (type === Asked.RESPOND) {
      stream.respond(bytes.subarray(start, end), (flags & FLAG) !== 0);
    } else if (type === Asked.WRITE) {
      this.#writtenBytes += end - start;
      stream.write(bytes.subarray(start, end));
    } else if (type === Asked.FINISH) stream.end(bytes.subarray(start, end));
    else if (type === Asked.GIVE_BACK) stream.readOn(bytes.readUInt32BE(start));
    else if (type === Asked.RESET) stream.reset(bytes.readUInt32BE(start));
  }
}

/** Answers that go out together, in their order: one write for all, unless they are large. */
import type { Writable } from "node:stream";
import type { DirectAnswer } from "./direct-answer.ts";
import type { KnownAnswer } from "./known-answer.ts";
import { errorText, textOf } from "./write-answer.ts";

/** Answers up to this are copied together. */
const WORTH_JOINING_BYTES = 64 * 1024;
const CLOSE = "Connection: close\r\n";

/** A text has a character for each byte. */
type Piece = string | Buffer | KnownAnswer;

export class OutgoingAnswers {
  count = 0;
  readonly #pieces: Piece[] = [];
  readonly #date: string;
  /** The last header lines of an answer behind which the connection is kept. */
  readonly #tail: string;
  #tailBytes: Buffer | undefined;
  #byteLength = 0;

  /** @param keepAlive header lines about a connection that is kept */
  constructor(date: string, keepAlive: string) {
    this.#date = `Date: ${date}\r\n`;
    this.#tail = this.#date + keepAlive;
  }

  add(answer: DirectAnswer): void {
    this.count += 1;
    if (answer.kind === "known") {
      const { known } = answer;
      this.#add(known, known.form.byteLength(known, this.#tailOfKnown()));
    } else this.#addText(answer, this.#tail);
  }

  /** The connection ends behind it. */
  addLast(answer: DirectAnswer): void {
    this.count += 1;
    const tail = this.#date + CLOSE;
    if (answer.kind === "known") {
      const bytes = bytesOf(answer.known, Buffer.from(tail, "latin1"));
      this.#add(bytes, bytes.length);
    } else this.#addText(answer, tail);
  }

  writeTo(socket: Writable): void {
    if (this.#byteLength <= WORTH_JOINING_BYTES) {
      socket.write(this.#joined());
      return;
    }
    socket.cork();
    for (const piece of this.#pieces) {
      if (typeof piece === "string") socket.write(piece, "latin1");
      else socket.write("form" in piece ? bytesOf(piece, this.#tailOfKnown()) : piece);
    }
    socket.uncork();
  }

  #addText(answer: Exclude<DirectAnswer, { readonly kind: "known" }>, tail: string): void {
    const text = answer.kind === "error" ? errorText(answer.error, tail) : textOf(answer, tail);
    this.#add(text, text.length);
    if (answer.kind === "error") return;
    const { rest } = answer.written;
    if (rest.length > 0) this.#add(rest, rest.length);
  }

  #add(piece: Piece, byteLength: number): void {
    this.#pieces.push(piece);
    this.#byteLength += byteLength;
  }

  #joined(): Buffer {
    const whole = Buffer.allocUnsafe(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      if (typeof piece === "string") at += whole.write(piece, at, "latin1");
      else if ("form" in piece) at = piece.form.copyTo(whole, at, piece, this.#tailOfKnown());
      else {
        whole.set(piece, at);
        at += piece.length;
      }
    }
    return whole;
  }

  #tailOfKnown(): Buffer {
    this.#tailBytes ??= Buffer.from(this.#tail, "latin1");
    return this.#tailBytes;
  }
}

function bytesOf(known: KnownAnswer, tail: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(known.form.byteLength(known, tail));
  known.form.copyTo(bytes, 0, known, tail);
  return bytes;
}

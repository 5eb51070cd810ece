/**
 * The body of one request, in the pieces in which it arrives. Room for it is taken from the
 * byte budget first: a body whose length is told waits for its turn without being read, one that
 * comes in chunks is refused where there is no room for the next.
 */
import type { IncomingMessage } from "node:http";
import { StatusError } from "../../errors.ts";
import {
  type BudgetWaiter,
  type ByteBudget,
  SMALL_MESSAGE_BYTES,
} from "../../inference/byte-budget.ts";
import type { Pieces } from "../../inference/request.ts";
import { noRoom } from "../compression.ts";

/** Non-empty chunks of one body, as in Triton. */
const MAX_CHUNKS = 65_536;
/** A large body is looked at this often, ms, */
const LOOK_MS = 5_000;
/** and given up when others wait for the room and it is slower than this, bytes/s. */
const SLOWEST_BYTES_PER_SECOND = 64 * 1024;

export interface BodyLimits {
  readonly budget: ByteBudget;
  readonly maxBytes: number;
  /** What a client hears whose body is longer. */
  tooLong(byteLength: number): StatusError;
}

export class BodyReceiver implements BudgetWaiter {
  /** Bytes of the budget that are this body's; whoever ends the request gives them back. */
  held = 0;
  neededBytes = 0;
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  #done: ((result: Pieces | StatusError) => void) | undefined;
  readonly #pieces: Buffer[] = [];
  #byteLength = 0;
  #chunked = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
  }

  /** @param contentLength undefined for a body that comes in chunks. @param done called at most once */
  receive(contentLength: number | undefined, done: (result: Pieces | StatusError) => void): void {
    this.#done = done;
    if (contentLength === undefined) {
      this.#chunked = true;
      this.#read();
      return;
    }
    const { budget, maxBytes, tooLong } = this.#limits;
    if (contentLength > maxBytes || contentLength > budget.largestBytes) {
      this.#finish(contentLength > maxBytes ? tooLong(contentLength) : noRoom());
      return;
    }
    this.neededBytes = contentLength;
    if (budget.acquire(this)) this.granted();
  }

  granted(): void {
    this.held += this.neededBytes;
    this.#read();
  }

  reserve(bytes: number): boolean {
    if (!this.#limits.budget.tryAcquire(bytes, this.held)) return false;
    this.held += bytes;
    return true;
  }

  /** Nobody waits for the body any more; `done` is not called. */
  cancel(): void {
    this.#done = undefined;
    this.#limits.budget.cancel(this);
    clearInterval(this.#watch);
  }

  release(): void {
    if (this.held > 0) this.#limits.budget.release(this.held);
    this.held = 0;
  }

  #read(): void {
    this.#request.on("data", (piece: Buffer) => this.#take(piece));
    this.#request.on("end", () =>
      this.#finish({ byteLength: this.#byteLength, pieces: this.#pieces }),
    );
    if (this.neededBytes > SMALL_MESSAGE_BYTES) this.#watchSlowness();
  }

  #take(piece: Buffer): void {
    if (this.#done === undefined) return; // refused: what is still on its way goes nowhere
    this.#byteLength += piece.length;
    this.#pieces.push(piece);
    if (!this.#chunked) return;
    const { maxBytes, tooLong } = this.#limits;
    if (this.#byteLength > maxBytes) this.#finish(tooLong(this.#byteLength));
    else if (this.#pieces.length > MAX_CHUNKS) this.#finish(tooManyChunks());
    else if (!this.reserve(piece.length)) this.#finish(noRoom());
  }

  #finish(result: Pieces | StatusError): void {
    const done = this.#done;
    this.#done = undefined;
    clearInterval(this.#watch);
    done?.(result);
  }

  #watchSlowness(): void {
    let before = 0;
    this.#watch = setInterval(() => {
      const bytes = this.#byteLength - before;
      before = this.#byteLength;
      const slow = bytes * 1000 < SLOWEST_BYTES_PER_SECOND * LOOK_MS;
      if (slow && this.#limits.budget.scarce) this.#finish(tooSlow(bytes));
    }, LOOK_MS).unref();
  }
}

const tooManyChunks = () =>
  new StatusError(
    "INVALID_ARGUMENT",
    `Chunked request body exceeds maximum of ${MAX_CHUNKS} non-empty chunks. Send fewer or larger HTTP chunks.`,
  );

const tooSlow = (bytes: number) =>
  new StatusError(
    "UNAVAILABLE",
    `the request body comes in too slowly: ${bytes} bytes in ${LOOK_MS} ms, and others wait for the room`,
  );

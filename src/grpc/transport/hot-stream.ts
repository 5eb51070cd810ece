/** A bidirectional call whose messages are handed over as they came, like those of `hot-call.ts`. */
import { StatusError, toStatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type { Pieces } from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Verdict } from "../../tenants/gatekeeper.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Arrival } from "./receiving-call.ts";
import { OK_TRAILERS } from "./response.ts";
import { ServerCall } from "./server-call.ts";
import { SHUTTING_DOWN } from "./service-call.ts";

export interface HotStream {
  readonly headers: RequestHeaders;
  /** Address and port of the client. */
  readonly peer: string;
  /** One identity per connection. */
  readonly connection: ClientConnection;
  /** undefined: nobody asked who he is. */
  readonly caller?: Caller | undefined;
  /** `Clock.now` ms at the last byte of the newest message. */
  readonly receivedAt: number;
  /** Of the whole stream, `Clock.now` ms; Infinity for none. */
  readonly deadline: number;
  /** True once the client hung up or the deadline passed; never after `end` or `fail`. */
  readonly cancelled: boolean;
  /** Called once when `cancelled` turns true. */
  onCancel: (() => void) | undefined;
  /**
   * Sends a message; the first five bytes of `framed` are left free for the prefix.
   * @returns false: better wait for `drain`. Who never waits is cut off at 8 MiB.
   */
  send(framed: Buffer): boolean;
  /** Answers are compressed: each goes by `send`. */
  readonly compresses: boolean;
  /** Sends so many messages at once, each behind its prefix, uncompressed; like `send`. */
  sendMessages(framed: Buffer, messages: number): boolean;
  /** Gives the bytes of a message back to the receive budget: its bytes are no longer needed. */
  release(bytes: number): void;
  /** No more messages are taken from the network until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends with OK, after what was sent. */
  end(): void;
  fail(error: StatusError): void;
}

export interface HotStreamListener {
  /** `message` stays valid; its bytes stay charged until `HotStream.release` or the end of the stream. */
  message(message: Pieces): void;
  /**
   * A message that lies whole in what the network delivered, without its prefix.
   * Its bytes are charged like those of others, but may be touched during the call only.
   * @returns false: not taken, it comes to `message`.
   */
  borrow?(bytes: Buffer, start: number, end: number): boolean;
  /** The client half-closed: no more messages, but it waits for answers. */
  halfClosed(): void;
  drain?(): void;
  /** Nothing more is taken, for this reason: answer what was asked, then end with it. */
  shutdown?(reason: StatusError): void;
}

/** Called for every stream that is opened. */
export type HotStreamHandler = (stream: HotStream) => HotStreamListener;

/** Whether somebody who was let in would be let in now. */
export type AskAgain = (call: ServerCall) => Verdict | Promise<Verdict>;

/** Else it is for the moment only that nobody can say. */
const NO_MORE: readonly string[] = ["UNAUTHENTICATED", "PERMISSION_DENIED"];

export class HotStreamCall extends ServerCall implements HotStream {
  readonly #open: HotStreamHandler;
  readonly #askAgain: AskAgain | undefined;
  #asking = false;
  #listener: HotStreamListener | undefined = undefined;

  /** @param askAgain about whoever opened it, now and then while it lasts; absent: nobody asks who calls */
  constructor(arrival: Arrival, open: HotStreamHandler, askAgain?: AskAgain) {
    super(arrival);
    this.#open = open;
    this.#askAgain = askAgain;
  }

  protected get unaryInput(): boolean {
    return false;
  }

  override start(ended: boolean): void {
    try {
      this.#listener = this.#open(this);
    } catch (thrown) {
      this.#listener = { message() {}, halfClosed() {} };
      super.start(ended);
      this.fail(toStatusError(thrown));
      return;
    }
    super.start(ended);
  }

  send(framed: Buffer): boolean {
    return this.sendMessage(framed);
  }

  get compresses(): boolean {
    return this.answer.compresses;
  }

  sendMessages(framed: Buffer, messages: number): boolean {
    return this.sendAll(framed, messages);
  }

  end(): void {
    if (this.finished) return;
    this.answer.sendHeaders();
    this.endWith(OK_TRAILERS);
  }

  protected override borrow(bytes: Buffer, start: number, end: number): boolean {
    this.receivedAt = this.connection.readAt;
    try {
      return this.#listener?.borrow?.(bytes, start, end) === true;
    } catch (thrown) {
      this.fail(toStatusError(thrown));
      return true;
    }
  }

  protected onMessage(message: Pieces): void {
    this.receivedAt = this.connection.readAt;
    try {
      this.#listener?.message(message);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }

  protected onInputEnd(): void {
    this.#run((listener) => listener.halfClosed());
  }

  override draining(): void {
    this.#shutDown(SHUTTING_DOWN);
  }

  #shutDown(reason: StatusError): void {
    if (!this.finished) this.#run((listener) => listener.shutdown?.(reason));
  }

  /** A stream may outlast the token, certificate or key that opened it. */
  override inspect(now: number): void {
    super.inspect(now);
    if (this.finished || this.#asking) return;
    const verdict = this.#askAgain?.(this);
    if (verdict instanceof Promise) {
      this.#asking = true;
      void verdict.then((told) => {
        this.#asking = false;
        this.#heed(told);
      });
    } else this.#heed(verdict);
  }

  #heed(verdict: Verdict): void {
    if (verdict instanceof StatusError && NO_MORE.includes(verdict.code)) this.#shutDown(verdict);
  }

  override drained(): void {
    this.#run((listener) => listener.drain?.());
  }

  #run(tell: (listener: HotStreamListener) => void): void {
    if (!this.#listener) return;
    try {
      tell(this.#listener);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }
}

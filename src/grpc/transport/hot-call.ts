/** A unary call whose message is handed over as it came, without deserializing or copying it. */
import { type StatusError, toStatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type { Pieces } from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Arrival } from "./receiving-call.ts";
import { ServerCall } from "./server-call.ts";

export interface HotCall {
  readonly headers: RequestHeaders;
  /** Address and port of the client. */
  readonly peer: string;
  readonly connection: ClientConnection;
  /** undefined: nobody asked who he is. */
  readonly caller?: Caller | undefined;
  /** `Clock.now` ms at the last byte of the request. */
  readonly receivedAt: number;
  /** `Clock.now` ms; Infinity for none. The transport itself answers DEADLINE_EXCEEDED when it passes. */
  readonly deadline: number;
  /** True once the client hung up or the deadline passed; never after an answer. */
  readonly cancelled: boolean;
  /** Set by whoever holds the message; called once when `cancelled` turns true. */
  onCancel: (() => void) | undefined;
  /**
   * Answers. The first five bytes of `framed` are left free for the prefix; the buffer is the transport's from now on.
   * @param trailers an encoded block, status included; absent: nothing but the status OK
   */
  sendFramed(framed: Buffer, trailers?: Buffer): void;
  /** Answers with an error. Whatever is said after the first answer is ignored. */
  fail(error: StatusError): void;
  /** Bytes of the receive budget charged to this call; given back when it is answered or cancelled. */
  readonly held: number;
}

/** `message` stays valid until the call is answered or cancelled. */
export type HotHandler = (call: HotCall, message: Pieces) => void;

const NOTHING: Pieces = { byteLength: 0, pieces: [] };

export class HotUnaryCall extends ServerCall implements HotCall {
  readonly #handler: HotHandler;
  #message: Pieces = NOTHING;

  constructor(arrival: Arrival, handler: HotHandler) {
    super(arrival);
    this.#handler = handler;
  }

  protected get unaryInput(): boolean {
    return true;
  }

  protected onMessage(message: Pieces): void {
    this.#message = message;
  }

  protected onInputEnd(): void {
    const message = this.#message;
    this.#message = NOTHING;
    try {
      this.#handler(this, message);
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }
}

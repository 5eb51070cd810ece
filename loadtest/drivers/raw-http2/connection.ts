/** Unary gRPC calls of one method on one connection. */
import { type ConnectionEvents, Http2Client } from "./http2-client.ts";
import type { Address } from "./open-socket.ts";
import {
  type CallHead,
  type HeadFrames,
  headFrames,
  type RequestBody,
} from "./request-template.ts";
import { type CallEvents, UnaryCall } from "./unary-call.ts";

export interface UnaryOptions {
  readonly address: Address;
  readonly head: CallHead;
  /** Whether `answered` is given the messages. */
  readonly keepMessages: boolean;
}

export class RawConnection {
  readonly #client: Http2Client;
  readonly #events: CallEvents;
  readonly #keep: boolean;
  readonly #options: UnaryOptions;
  #head: HeadFrames | undefined;
  #taught = false;

  /** Resolves once the server's settings are known. */
  static async open(
    options: UnaryOptions,
    events: CallEvents & ConnectionEvents,
  ): Promise<RawConnection> {
    return new RawConnection(options, events, await Http2Client.open(options.address, events));
  }

  private constructor(options: UnaryOptions, events: CallEvents, client: Http2Client) {
    this.#options = options;
    this.#events = events;
    this.#client = client;
    this.#keep = options.keepMessages;
  }

  /** Calls under way. */
  get open(): number {
    return this.#client.open;
  }

  /** Calls that the server allows at once. */
  get maxStreams(): number {
    return this.#client.peer.maxStreams;
  }

  get usable(): boolean {
    return this.#client.usable;
  }

  /** Writes one request, to leave with the next `flush`. Only while `usable`. */
  send(body: RequestBody, token: number): void {
    const { address, head } = this.#options;
    const scheme = address.tls === undefined ? "http" : "https";
    this.#head ??= headFrames(head, this.#client.peer.headerTableBytes, scheme);
    const call = new UnaryCall(this.#client, this.#events, token, this.#keep);
    call.send(this.#taught ? this.#head.later : this.#head.first, body);
    this.#taught = true;
  }

  flush(): void {
    this.#client.flush();
  }

  close(): void {
    this.#client.close();
  }
}

/** What a handler of `addService` sees of its call: the surface of grpc-js' server calls. */
import { EventEmitter } from "node:events";
import type { Metadata } from "@grpc/grpc-js";
import { StatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import { metadataFrom } from "./metadata.ts";
import type { ServiceError, StreamingCall } from "./method.ts";

/** What the view needs of the call behind it. */
export interface ViewedCall {
  readonly headers: RequestHeaders;
  readonly path: string;
  readonly peer: string;
  readonly connection: ClientConnection;
  readonly caller: Caller | undefined;
  readonly cancelled: boolean;
  readonly deadline: number;
  deadlineDate(): Date | number;
  sendMetadata(metadata: Metadata): void;
  writeValue(value: unknown): boolean;
  endStream(trailer: Metadata | undefined): void;
  failAs(error: ServiceError): void;
  pause(): void;
  resume(): void;
}

export class CallView extends EventEmitter implements StreamingCall {
  request: unknown = undefined;
  readonly #call: ViewedCall;
  #metadata: Metadata | undefined = undefined;

  constructor(call: ViewedCall) {
    super();
    this.#call = call;
    // Emitting `error` is how grpc-js' handlers end a call; it never goes unhandled.
    super.on("error", (error: ServiceError) => call.failAs(error));
  }

  get metadata(): Metadata {
    this.#metadata ??= metadataFrom(this.#call.headers);
    return this.#metadata;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  get deadline(): number {
    return this.#call.deadline;
  }

  getDeadline(): Date | number {
    return this.#call.deadlineDate();
  }

  getPath(): string {
    return this.#call.path;
  }

  /** Not grpc-js': whose call it is, for what hangs on a connection. */
  get connection(): ClientConnection {
    return this.#call.connection;
  }

  /** Nor this: who calls; undefined: nobody asked. */
  get caller(): Caller | undefined {
    return this.#call.caller;
  }

  getPeer(): string {
    return this.#call.peer;
  }

  sendMetadata(metadata: Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  write(value: unknown): boolean {
    return this.#call.writeValue(value);
  }

  end(trailer?: Metadata): void {
    this.#call.endStream(trailer);
  }

  pause(): this {
    this.#call.pause();
    return this;
  }

  resume(): this {
    this.#call.resume();
    return this;
  }

  destroy(error?: Error): this {
    this.#call.failAs(error ?? new StatusError("CANCELLED", "The server ended the call"));
    return this;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the signature of EventEmitter
  override on(event: string | symbol, listener: (...values: any[]) => void): this {
    super.on(event, listener);
    if (event === "data") this.#call.resume();
    return this;
  }
}

/**
 * Calls of `addService`, for handlers written for grpc-js' server: messages are
 * deserialized, answers serialized. The handler sees an EventEmitter (`CallView`);
 * the call behind it stays a plain `ServerCall`.
 */
import type { Metadata } from "@grpc/grpc-js";
import { Code, StatusError } from "../../errors.ts";
import type { Pieces } from "../../inference/request.ts";
import { CallView, type ViewedCall } from "./call-view.ts";
import { withPrefixRoom } from "./frame.ts";
import { headersFrom } from "./metadata.ts";
import type { MethodDefinition, SendUnary, ServiceError } from "./method.ts";
import { joined } from "./piece-list.ts";
import type { Arrival } from "./receiving-call.ts";
import { statusTrailers } from "./response.ts";
import { ServerCall } from "./server-call.ts";

export interface ServiceRoute {
  readonly definition: MethodDefinition;
  /** Bound to its implementation. */
  readonly handler: (...values: unknown[]) => unknown;
  readonly holdsDrain: boolean;
}

/** Triton's text. */
export const SHUTTING_DOWN = new StatusError(
  "UNAVAILABLE",
  "GRPC server is shutting down and has stopped accepting new requests.",
);

export class ServiceCall extends ServerCall implements ViewedCall {
  readonly route: ServiceRoute;
  readonly #view: CallView;
  #request: Pieces | undefined = undefined;

  constructor(arrival: Arrival, route: ServiceRoute) {
    super(arrival);
    this.route = route;
    this.#view = new CallView(this);
    if (!this.unaryInput) this.pause();
  }

  get path(): string {
    return this.route.definition.path;
  }

  override get holdsDrain(): boolean {
    return this.route.holdsDrain;
  }

  protected get unaryInput(): boolean {
    return !this.route.definition.requestStream;
  }

  override start(ended: boolean): void {
    super.start(ended);
    // The handler of a stream attaches its listeners; then messages flow.
    if (!this.unaryInput && !this.finished) this.#handle(undefined);
  }

  // Input --------------------------------------------------------------------

  protected onMessage(message: Pieces): void {
    if (this.unaryInput) {
      this.#request = message;
      return;
    }
    const value = this.#deserialize(message);
    this.release(message.byteLength);
    if (value) this.#emit("data", value.value);
  }

  protected onInputEnd(): void {
    if (!this.unaryInput) {
      this.#emit("end");
      return;
    }
    const message = this.#request;
    this.#request = undefined;
    const value = message && this.#deserialize(message);
    if (value) this.#handle(value.value);
  }

  #deserialize(message: Pieces): { readonly value: unknown } | undefined {
    try {
      return { value: this.route.definition.requestDeserialize(joined(message)) };
    } catch (cause) {
      this.fail(because("Error deserializing request", cause));
      return undefined;
    }
  }

  #handle(request: unknown): void {
    const { handler, definition } = this.route;
    const view = this.#view;
    view.request = request;
    const respond: SendUnary = (error, value, trailer) => this.#respond(error, value, trailer);
    try {
      const result = definition.responseStream ? handler(view) : handler(view, respond);
      if (result instanceof Promise) result.catch((thrown: unknown) => this.#threw(thrown));
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  #emit(event: string, value?: unknown): void {
    try {
      this.#view.emit(event, value);
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  /** A handler that throws ends its call and nothing else. */
  #threw(thrown: unknown): void {
    if (thrown instanceof StatusError) {
      this.fail(thrown);
      return;
    }
    const path = this.route.definition.path;
    this.host.log.error("gRPC handler threw", { path, error: thrown });
    this.fail(because("Server method handler threw error", thrown, "UNKNOWN"));
  }

  // Output -------------------------------------------------------------------

  sendMetadata(metadata: Metadata): void {
    if (!this.finished) this.answer.sendHeaders(headersFrom(metadata));
  }

  writeValue(value: unknown): boolean {
    if (this.finished) return false;
    const message = this.#serialize(value);
    return message !== undefined && this.sendMessage(message);
  }

  endStream(trailer: Metadata | undefined): void {
    if (this.finished) return;
    this.answer.sendHeaders();
    this.endWith(statusTrailers(Code.OK, "", headersFrom(trailer)));
  }

  failAs(error: ServiceError, trailer?: Metadata): void {
    const own = "metadata" in error ? error.metadata : undefined;
    this.fail(error, headersFrom(trailer ?? own));
  }

  #respond(error: ServiceError | null | undefined, value: unknown, trailer?: Metadata): void {
    if (this.finished) return;
    if (error) {
      this.failAs(error, trailer);
      return;
    }
    const message = this.#serialize(value);
    if (!message) return;
    const trailers = statusTrailers(Code.OK, "", headersFrom(trailer));
    if (this.answer.headersSent) {
      this.answer.message(message);
      this.endWith(trailers);
    } else {
      this.sendFramed(message, trailers);
    }
  }

  #serialize(value: unknown): Buffer | undefined {
    try {
      return withPrefixRoom(this.route.definition.responseSerialize(value as never));
    } catch (cause) {
      this.fail(because("Error serializing response", cause));
      return undefined;
    }
  }

  // Ends ---------------------------------------------------------------------

  /** A date, or Infinity. */
  deadlineDate(): Date | number {
    if (this.deadline === Number.POSITIVE_INFINITY) return this.deadline;
    return new Date(Date.now() + this.deadline - this.host.clock.now());
  }

  protected override onCancelled(): void {
    this.#emit("cancelled", "cancelled");
  }

  protected override onClosed(): void {
    this.#emit("close");
  }

  override drained(): void {
    if (this.route.definition.responseStream) this.#emit("drain");
  }

  override draining(): void {
    if (this.finished) return;
    this.#emit("shutdown");
    if (!this.holdsDrain) this.fail(SHUTTING_DOWN);
  }
}

function because(
  what: string,
  cause: unknown,
  code: "INTERNAL" | "UNKNOWN" = "INTERNAL",
): StatusError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StatusError(code, `${what}: ${reason}`, { cause });
}

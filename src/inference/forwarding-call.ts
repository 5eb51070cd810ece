/** A call that hands everything on to another one: for those who change one thing about it. */
import type { StatusError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { InferCall, InferResponse, TraceContext } from "./request.ts";
import type { ClientConnection } from "./shared-regions.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";

export class ForwardingCall implements InferCall {
  protected readonly call: InferCall;

  constructor(call: InferCall) {
    this.call = call;
  }

  get timeline(): Timeline {
    return this.call.timeline;
  }

  get manyResponses(): boolean {
    return this.call.manyResponses === true;
  }

  get connection(): ClientConnection | undefined {
    return this.call.connection;
  }

  get caller(): Caller | undefined {
    return this.call.caller;
  }

  get onBehalf(): boolean {
    return this.call.onBehalf === true;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.call.headers ?? {};
  }

  get trace(): TraceContext | undefined {
    return this.call.trace;
  }

  set trace(context: TraceContext | undefined) {
    this.call.trace = context;
  }

  get story(): Story | undefined {
    return this.call.story;
  }

  set story(story: Story | undefined) {
    this.call.story = story;
  }

  get deadline(): number {
    return this.call.deadline;
  }

  get cancelled(): boolean {
    return this.call.cancelled;
  }

  get onCancel(): (() => void) | undefined {
    return this.call.onCancel;
  }

  set onCancel(notify: (() => void) | undefined) {
    this.call.onCancel = notify;
  }

  respond(response: InferResponse, final: boolean): void {
    this.call.respond(response, final);
  }

  fail(error: StatusError): void {
    this.call.fail(error);
  }
}

/** A step of an ensemble as a request of its own: inherits what its client said, answers to the run. */
import type { StatusError } from "../errors.ts";
import type { InferCall, InferResponse, TraceContext } from "../inference/request.ts";
import type { Story } from "../inference/story.ts";
import { newTimeline, type Timeline } from "../inference/timeline.ts";
import { childContext } from "../inference/trace-context.ts";

export interface StepReceiver {
  /** `response` is valid only during the call. */
  answered(step: StepCall, response: InferResponse, final: boolean): void;
  failed(step: StepCall, error: StatusError): void;
}

export class StepCall implements InferCall {
  /** Position in the plan. */
  readonly step: number;
  readonly timeline: Timeline;
  readonly manyResponses: boolean;
  readonly connection: InferCall["connection"];
  /** Who asked for the ensemble. */
  readonly caller: InferCall["caller"];
  readonly onBehalf = true;
  /** What the client insists on holds for every step. */
  readonly headers: NonNullable<InferCall["headers"]>;
  readonly trace: TraceContext | undefined;
  story: Story | undefined = undefined;
  readonly deadline: number;
  onCancel: (() => void) | undefined;
  #cancelled = false;
  readonly #receiver: StepReceiver;

  constructor(step: number, client: InferCall, receiver: StepReceiver, now: number) {
    this.step = step;
    this.timeline = newTimeline(now);
    this.manyResponses = client.manyResponses === true;
    this.connection = client.connection;
    this.caller = client.caller;
    this.headers = client.headers ?? {};
    this.trace = childContext(client.trace);
    this.deadline = client.deadline;
    this.onCancel = undefined;
    this.#receiver = receiver;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.onCancel?.();
  }

  respond(response: InferResponse, final: boolean): void {
    if (!this.#cancelled) this.#receiver.answered(this, response, final);
  }

  fail(error: StatusError): void {
    if (!this.#cancelled) this.#receiver.failed(this, error);
  }
}

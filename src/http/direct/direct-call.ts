/** One infer request that was read off its connection as a whole. */
import { type StatusError, toStatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type { InferCall, InferResponse, TraceContext } from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Story } from "../../inference/story.ts";
import { newTimeline, type Timeline } from "../../inference/timeline.ts";
import { unknownModel } from "../../registry/model-record.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { loadHeader } from "../infer/endpoint-load.ts";
import { readHeaderLength, requireWithin } from "../infer/header-length.ts";
import type { InferRoom } from "../infer/http-call.ts";
import { jsonTooLong } from "../infer/limits.ts";
import { ALL_JSON, type OutputForms } from "../infer/output-form.ts";
import { requireOneAnswer, secondAnswer } from "../infer/read-body.ts";
import { originHeader } from "../infer/response-parameters.ts";
import { writeInferResponse } from "../infer/write-response.ts";
import { OVER_HTTP } from "../over-http.ts";
import type { DirectAnswer } from "./direct-answer.ts";
import type { LastAnswer } from "./last-answer.ts";
import type { LastRequest } from "./last-request.ts";
import type { InferHead } from "./read-head.ts";

/** Who sends the answers, in the order of the requests. */
export interface AnswerLine {
  readonly lastRequest: LastRequest;
  readonly lastAnswer: LastAnswer;
  answered(): void;
}

export class DirectCall implements InferCall {
  readonly head: InferHead;
  readonly caller: Caller | undefined;
  readonly timeline: Timeline;
  readonly deadline = Number.POSITIVE_INFINITY;
  readonly connection: ClientConnection = OVER_HTTP;
  cancelled = false;
  onCancel: (() => void) | undefined = undefined;
  trace: TraceContext | undefined = undefined;
  story: Story | undefined = undefined;
  answer: DirectAnswer | undefined = undefined;
  #outputs: OutputForms = ALL_JSON;
  readonly #room: InferRoom;
  readonly #line: AnswerLine;
  readonly #body: Uint8Array;

  /** @param body its bytes are taken from the room's budget, and are given back with the answer */
  constructor(
    room: InferRoom,
    line: AnswerLine,
    head: InferHead,
    body: Uint8Array,
    caller: Caller | undefined,
  ) {
    this.caller = caller;
    this.#room = room;
    this.#line = line;
    this.head = head;
    this.#body = body;
    this.timeline = newTimeline(room.now());
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.head.headers;
  }

  /** Does not throw. */
  start(): void {
    try {
      this.#infer();
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }

  #infer(): void {
    const { model, version, headerLengthText } = this.head;
    const { maxInputBytes } = this.#room;
    if (!mayUse(this.caller, model)) throw unknownModel(model);
    const signature = this.#room.signature(model, version);
    requireOneAnswer(signature);
    const bytes = this.#body.byteLength;
    const headerLength = readHeaderLength(headerLengthText);
    if (headerLength !== undefined) {
      if (headerLength > maxInputBytes) throw jsonTooLong(headerLength, maxInputBytes);
      requireWithin(headerLength, bytes, headerLengthText ?? "");
    }
    const place = { model, version, maxInputBytes };
    const read = this.#line.lastRequest.read(this.#body, headerLength ?? bytes, signature, place);
    this.#outputs = read.outputs;
    this.#room.infer(read.wire, this);
  }

  respond(response: InferResponse, final: boolean): void {
    if (this.cancelled || this.answer !== undefined) return;
    if (!final) {
      this.fail(secondAnswer());
      return;
    }
    try {
      const load = loadHeader(this.head.headers, response, this.#room.load);
      const known =
        load === undefined ? this.#line.lastAnswer.known(response, this.#outputs) : undefined;
      if (known !== undefined) {
        this.#end({ kind: "known", known });
        return;
      }
      const written = writeInferResponse(response, this.#outputs);
      this.#end({ kind: "written", written, origin: originHeader(response), load });
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }

  fail(error: StatusError): void {
    if (!this.cancelled && this.answer === undefined) this.#end({ kind: "error", error });
  }

  /** The client went away. */
  hungUp(): void {
    if (this.cancelled || this.answer !== undefined) return;
    this.cancelled = true;
    this.#room.budget.release(this.#body.byteLength);
    const notify = this.onCancel;
    this.onCancel = undefined;
    notify?.();
  }

  #end(answer: DirectAnswer): void {
    this.answer = answer;
    this.onCancel = undefined;
    this.#room.budget.release(this.#body.byteLength);
    this.#line.answered();
  }
}

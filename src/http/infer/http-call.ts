/** What every request for inference over HTTP shares: its body's room, and a client that may hang up. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type StatusError, toStatusError } from "../../errors.ts";
import type { ByteBudget } from "../../inference/byte-budget.ts";
import type { Caller } from "../../inference/caller.ts";
import type {
  InferCall,
  InferResponse,
  ModelSignature,
  WireRequest,
} from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Story } from "../../inference/story.ts";
import { newTimeline, type Timeline } from "../../inference/timeline.ts";
import { unknownModel } from "../../registry/model-record.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { callerOf } from "../caller.ts";
import { OVER_HTTP } from "../over-http.ts";
import { sendJsonError } from "../send-error.ts";
import type { LoadHeader } from "./endpoint-load.ts";
import { readContentLength } from "./header-length.ts";
import { type BodyLimits, BodyReceiver } from "./receive-body.ts";

export interface InferRoom {
  /**
   * What a version that is ready takes and gives; an empty version means the newest one.
   * @throws StatusError with Triton's text where there is none
   */
  signature(model: string, version: string): ModelSignature;
  /** Answers through `call`, now or later; does not throw. */
  infer(wire: WireRequest, call: InferCall): void;
  readonly budget: ByteBudget;
  /** How loaded the gateway is, for answers; absent: not told. */
  readonly load?: LoadHeader | undefined;
  /** `--http-max-input-size`: JSON, a raw request, and what a compressed body inflates to. */
  readonly maxInputBytes: number;
  /** Monotonic ms. */
  now(): number;
  /** True once the server takes no new connections. */
  closing(): boolean;
}

export interface InferTarget {
  readonly model: string;
  /** Empty: the newest one that is ready. */
  readonly version: string;
}

export abstract class HttpCall implements InferCall {
  readonly timeline: Timeline = newTimeline(0);
  readonly deadline = Number.POSITIVE_INFINITY;
  cancelled = false;
  onCancel: (() => void) | undefined = undefined;
  story: Story | undefined = undefined;
  protected readonly room: InferRoom;
  protected readonly request: IncomingMessage;
  protected readonly response: ServerResponse;
  protected readonly target: InferTarget;
  protected answered = false;
  #body: BodyReceiver | undefined = undefined;

  constructor(
    room: InferRoom,
    request: IncomingMessage,
    response: ServerResponse,
    target: InferTarget,
  ) {
    this.room = room;
    this.request = request;
    this.response = response;
    this.target = target;
  }

  get connection(): ClientConnection {
    return OVER_HTTP;
  }

  get caller(): Caller | undefined {
    return callerOf(this.request);
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    // Node joins what came twice; only `set-cookie`, which no client sends, is a list.
    return this.request.headers as Record<string, string | undefined>;
  }

  abstract respond(response: InferResponse, final: boolean): void;
  /** Reads the request. What it throws is the answer. */
  protected abstract receive(): void;

  /** Does not throw. */
  start(): void {
    this.response.on("close", () => this.#hungUp());
    this.attempt(() => {
      if (!mayUse(this.caller, this.target.model)) throw unknownModel(this.target.model);
      this.receive();
    });
  }

  fail(error: StatusError): void {
    if (this.end()) sendJsonError(this.response, error, this.room.closing());
  }

  protected attempt(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.fail(toStatusError(thrown));
    }
  }

  protected receiver(limits: Omit<BodyLimits, "budget">): BodyReceiver {
    this.#body = new BodyReceiver(this.request, { ...limits, budget: this.room.budget });
    return this.#body;
  }

  /** undefined: the body comes in chunks. */
  protected get contentLength(): number | undefined {
    const { headers } = this.request;
    if (headers["transfer-encoding"] !== undefined) return undefined;
    return readContentLength(headers["content-length"]) ?? 0;
  }

  /** @returns false where somebody answered before, or nobody listens. */
  protected end(): boolean {
    if (this.answered || this.cancelled) return false;
    this.answered = true;
    this.onCancel = undefined;
    this.#letGo();
    return true;
  }

  #hungUp(): void {
    if (this.answered || this.cancelled) return;
    this.cancelled = true;
    this.#letGo();
    const notify = this.onCancel;
    this.onCancel = undefined;
    notify?.();
  }

  #letGo(): void {
    this.#body?.cancel();
    this.#body?.release();
  }
}

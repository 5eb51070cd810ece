/**
 * Requests of one stream that came together and differ in their id and data only.
 * They take the line as one request with the rows of all, and are parted when it is
 * answered: a row then costs the gateway a fraction of what a request costs. Where
 * the bundle is refused or fails, each of its requests goes on its own, so that none
 * of them pays for another.
 */
import type { StatusError } from "../../errors.ts";
import { onePiece } from "../../inference/pieces.ts";
import type {
  InferCall,
  InferResponse,
  TraceContext,
  WireRequest,
} from "../../inference/request.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Story } from "../../inference/story.ts";
import { newTimeline, type Timeline } from "../../inference/timeline.ts";
import type { RepeatedRequest } from "../codec/repeated-request.ts";
import { writePrefix } from "../transport/frame.ts";
import { StreamInferCall, type StreamItem, type StreamSession } from "./stream-call.ts";

/** Requests to make room for at first. */
const FIRST_ROOM = 8;

export interface BundleSession extends StreamSession {
  infer(wire: WireRequest, call: InferCall): void;
}

export class StreamBundle implements InferCall, StreamItem {
  readonly timeline: Timeline;
  readonly manyResponses = true;
  trace: TraceContext | undefined = undefined;
  story: Story | undefined = undefined;
  onCancel: (() => void) | undefined = undefined;
  readonly decoupled = false;
  ended = false;
  answer: Buffer | undefined = undefined;
  previous: StreamItem | undefined = undefined;
  next: StreamItem | undefined = undefined;
  byteLength = 0;
  readonly #session: BundleSession;
  readonly #template: RepeatedRequest;
  readonly #ids: string[] = [];
  /** By input: the data of all requests, one behind the other. */
  readonly #blocks: Buffer[];
  #room = FIRST_ROOM;

  readonly #most: number;

  /** @param receivedAt `Clock.now` ms. @param most requests that it takes */
  constructor(session: BundleSession, template: RepeatedRequest, receivedAt: number, most: number) {
    this.#session = session;
    this.#template = template;
    this.#most = most;
    this.timeline = newTimeline(receivedAt);
    this.#blocks = template.rawBytes.map((bytes) => Buffer.allocUnsafe(FIRST_ROOM * bytes));
  }

  get count(): number {
    return this.#ids.length;
  }

  get full(): boolean {
    return this.#ids.length === this.#most;
  }

  get deadline(): number {
    return this.#session.deadline;
  }

  get connection(): ClientConnection {
    return this.#session.connection;
  }

  get caller(): StreamSession["caller"] {
    return this.#session.caller;
  }

  get headers(): StreamSession["headers"] {
    return this.#session.headers;
  }

  get cancelled(): boolean {
    return this.#session.over;
  }

  /** Requests like `template` only. */
  isOf(template: RepeatedRequest): boolean {
    return this.#template === template;
  }

  /** Takes the request that `template` matched last; copies its data out of `bytes`. */
  add(bytes: Buffer, messageBytes: number): void {
    const at = this.#ids.length;
    if (at === this.#room) this.#grow();
    const { rawBytes, rawStart, id } = this.#template;
    for (let k = 0; k < rawBytes.length; k++) {
      const length = rawBytes[k] ?? 0;
      const start = rawStart[k] ?? 0;
      bytes.copy(this.#blocks[k] ?? bytes, at * length, start, start + length);
    }
    this.#ids.push(id);
    this.byteLength += messageBytes;
  }

  #grow(): void {
    this.#room *= 4;
    for (const [k, block] of this.#blocks.entries()) {
      const larger = Buffer.allocUnsafe(this.#room * (this.#template.rawBytes[k] ?? 0));
      larger.set(block);
      this.#blocks[k] = larger;
    }
  }

  /** All of them as one request. */
  get wire(): WireRequest {
    const { count } = this;
    return { ...this.#requests(0, count), bundled: count, bundledIds: this.#ids };
  }

  /** Its only request, as it came. */
  get single(): WireRequest {
    return { ...this.#requests(0, 1), id: this.#ids[0] ?? "" };
  }

  #requests(from: number, to: number): WireRequest {
    const { wire, rawBytes } = this.#template;
    const inputs = wire.inputs.map((input, k) => {
      const length = rawBytes[k] ?? 0;
      const [rows = 0, ...others] = input.shape;
      const data = onePiece(
        (this.#blocks[k] ?? Buffer.alloc(0)).subarray(from * length, to * length),
      );
      return { ...input, shape: [rows * (to - from), ...others], data };
    });
    return { ...wire, id: "", inputs };
  }

  respond(response: InferResponse, _final: boolean): void {
    if (this.ended || this.#session.over) return;
    this.#end(this.#session.encoder.encodeParts(response, this.#ids));
  }

  /** Whatever was wrong with the bundle, each request is told what is wrong with it. */
  fail(_error: StatusError): void {
    if (this.ended || this.#session.over) return;
    const answers: (Buffer | undefined)[] = [];
    let left = this.count;
    const calls = this.#ids.map((_, i) => {
      const ended = ({ answer }: StreamItem) => {
        answers[i] = answer && writePrefix(answer);
        left -= 1;
        if (left === 0) this.#end(Buffer.concat(answers.filter((each) => each !== undefined)));
      };
      return new StreamInferCall(memberOf(this.#session, ended), this.timeline.received, 0);
    });
    this.onCancel = () => {
      for (const call of calls) call.onCancel?.();
    };
    for (const [i, call] of calls.entries()) {
      const wire = { ...this.#requests(i, i + 1), id: this.#ids[i] ?? "" };
      call.asks(wire);
      this.#session.infer(wire, call);
      call.submitted = true;
    }
  }

  #end(framed: Buffer): void {
    this.ended = true;
    this.onCancel = undefined;
    this.answer = framed;
    this.#session.ended(this);
  }
}

/** The stream as one of the bundle's requests sees it: its answer goes with those of the others. */
function memberOf(session: StreamSession, ended: (call: StreamItem) => void): StreamSession {
  return {
    get over() {
      return session.over;
    },
    deadline: session.deadline,
    encoder: session.encoder,
    connection: session.connection,
    caller: session.caller,
    headers: session.headers,
    decouple: () => undefined,
    send: () => undefined,
    endsWith: (error) => session.endsWith(error),
    ended,
  };
}

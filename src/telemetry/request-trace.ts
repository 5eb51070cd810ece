/** One traced request, from the moment it is chosen to the moment its trace is written. */
import type { TraceContext } from "../inference/request.ts";
import { randomHex } from "./trace-ids.ts";
import type { TraceSetting } from "./trace-settings.ts";

/** Where a caller's own trace stands (W3C Trace Context). */
export interface ParentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** A tensor as the trace tells it. */
export interface TracedTensor {
  readonly activity: "TENSOR_QUEUE_INPUT" | "TENSOR_BACKEND_OUTPUT";
  readonly name: string;
  /** Elements, separated by commas. */
  readonly data: string;
  readonly shape: readonly number[];
  readonly datatype: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** undefined: none, or one that breaks the rules of W3C Trace Context and does not count. */
export function readTraceparent(header: string): ParentSpan | undefined {
  const [, version = "", traceId = "", spanId = "", flags = "", more] =
    TRACEPARENT.exec(header.trim()) ?? [];
  if (version === "" || version === "ff" || (version === "00" && more !== undefined)) {
    return undefined;
  }
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** What is known when a request is chosen. */
export interface Chosen {
  readonly setting: TraceSetting;
  readonly requestId: string;
  readonly parent: ParentSpan | undefined;
  readonly tracestate: string;
  /** Gives each trace its number. */
  readonly next: () => number;
}

export class RequestTrace implements TraceContext {
  readonly traceId: string;
  readonly spanId: string = randomHex(8);
  readonly parentSpanId: string;
  readonly tracestate: string;
  readonly setting: TraceSetting;
  readonly requestId: string;
  /** As in Triton's file; from 1 on. */
  readonly number: number;
  /** The request on whose behalf this one is made. */
  readonly above: RequestTrace | undefined;
  readonly tensors: TracedTensor[] = [];
  /** Finished parts of the written trace, of this request and those below it. */
  readonly written: string[] = [];
  readonly #chosen: Chosen;

  constructor(chosen: Chosen, above?: RequestTrace) {
    this.#chosen = chosen;
    this.above = above;
    this.setting = chosen.setting;
    this.requestId = chosen.requestId;
    this.tracestate = chosen.tracestate;
    this.traceId = above?.traceId ?? chosen.parent?.traceId ?? randomHex(16);
    this.parentSpanId = above?.spanId ?? chosen.parent?.spanId ?? "";
    this.number = chosen.next();
  }

  get root(): RequestTrace {
    return this.above?.root ?? this;
  }

  child(): RequestTrace {
    return new RequestTrace(this.#chosen, this);
  }
}

/** Chooses the requests that are traced, and hands their traces on when they are over. */
import type { TraceContext } from "../inference/request.ts";
import { clipped } from "./explain/request-story.ts";
import { type ParentSpan, RequestTrace, readTraceparent } from "./request-trace.ts";
import type { EndedRequest } from "./spans.ts";
import type { TraceSettings } from "./trace-settings.ts";

/** Where finished traces go: a file, or a collector. Never throws. */
export interface TraceSink {
  ended(trace: RequestTrace, ended: EndedRequest): void;
  /** Everything is written, as far as possible. */
  close(): Promise<void>;
}

type Headers = Readonly<Record<string, string | undefined>>;

/** Characters of a tracestate that is passed on: W3C Trace Context asks for no more, and a part of it is none. */
const LONGEST_TRACESTATE = 512;

export class Tracer {
  readonly #settings: TraceSettings;
  readonly #sink: TraceSink;
  readonly #followsCallers: boolean;
  readonly #nextNumber = () => ++this.#number;
  #number = 0;
  /** Those of the last request that was no part of a trace: a connection's requests mostly share one object. */
  #plainHeaders: Headers | undefined = undefined;

  /** @param followsCallers whether a caller's own trace decides; else its headers are not read. */
  constructor(settings: TraceSettings, sink: TraceSink, followsCallers: boolean) {
    this.#settings = settings;
    this.#sink = sink;
    this.#followsCallers = followsCallers;
  }

  /**
   * Lets a request go untraced, and counts it, where that can be told at a glance; else `choose` decides. Small, so
   * that it becomes part of the line and leaves the compiler room for the rest of it.
   */
  letPass(headers: Headers | undefined): boolean {
    return headers === this.#plainHeaders && this.#settings.letPass();
  }

  /** undefined: this request is not traced. */
  choose(model: string, requestId: string, headers: Headers | undefined): RequestTrace | undefined {
    const setting = this.#settings.of(model);
    if (!setting.on) return undefined;
    const parent = this.#parentIn(headers);
    if (parent === undefined) this.#plainHeaders = headers;
    // Who traces, and chose not to trace this one, wants no part of it traced.
    if (parent?.sampled === false) return undefined;
    if (!setting.sample(parent !== undefined)) return undefined;
    // What a client says stands in every span of it: memory that no budget knows of.
    return new RequestTrace({
      ...{ setting, parent, requestId: clipped(requestId), next: this.#nextNumber },
      tracestate: parent === undefined ? "" : tracestateIn(headers),
    });
  }

  /** How many requests with these headers go before one is traced; Infinity: none will be. */
  untraced(model: string, headers: Headers | undefined): number {
    const setting = this.#settings.of(model);
    const parent = setting.on ? this.#parentIn(headers) : undefined;
    if (parent === undefined) return setting.untraced;
    return parent.sampled ? 0 : Number.POSITIVE_INFINITY;
  }

  /** So many of them went, and none was traced. */
  passed(model: string, headers: Headers | undefined, requests: number): void {
    if (this.#parentIn(headers) === undefined) this.#settings.of(model).passed(requests);
  }

  #parentIn(headers: Headers | undefined): ParentSpan | undefined {
    const header = this.#followsCallers ? headers?.["traceparent"] : undefined;
    return header === undefined ? undefined : readTraceparent(header);
  }

  ended(trace: TraceContext, ended: EndedRequest): void {
    if (trace instanceof RequestTrace) this.#sink.ended(trace, ended);
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

function tracestateIn(headers: Headers | undefined): string {
  const state = headers?.["tracestate"] ?? "";
  return state.length <= LONGEST_TRACESTATE ? state : "";
}

/** Traced requests as they end, on their way into an OTLP message of protobuf. */
import { type ModelAttributes, spanCount, spansOf, type TracedRequest } from "../spans.ts";
import type { OpenMessage } from "./batches.ts";
import { TraceEncoder, type TraceSource } from "./encode-traces.ts";
import { isPlain, PlainRequest } from "./plain-request.ts";

/** A message of more spans might have no room for its own length, whatever clients call their requests: see `wire.ts`. */
export const MOST_IN_A_MESSAGE = 50_000;

export interface EncodedSpans {
  readonly bytes: Uint8Array;
  readonly count: number;
}

export class ProtobufMessage implements OpenMessage<TracedRequest, EncodedSpans> {
  readonly #encoder: TraceEncoder;
  readonly #zeroMs: number;
  readonly #plain = new WeakMap<ModelAttributes, PlainRequest>();
  #count = 0;

  constructor(source: TraceSource) {
    this.#encoder = new TraceEncoder(source);
    this.#zeroMs = source.zeroMs;
  }

  add(request: TracedRequest): void {
    const { trace, ended, known } = request;
    this.#count += spanCount(ended);
    if (isPlain(trace, ended)) {
      this.#encoder.addEncoded(this.#plainOf(known).encode(trace, ended));
    } else {
      for (const span of spansOf(request)) this.#encoder.add(span);
    }
  }

  take(): EncodedSpans {
    const count = this.#count;
    this.#count = 0;
    return { bytes: this.#encoder.take(), count };
  }

  #plainOf(known: ModelAttributes): PlainRequest {
    let plain = this.#plain.get(known);
    if (plain === undefined) {
      plain = new PlainRequest({
        ...{ known, zeroMs: this.#zeroMs },
        encode: (spans) => this.#encoder.alone(spans),
      });
      this.#plain.set(known, plain);
    }
    return plain;
  }
}

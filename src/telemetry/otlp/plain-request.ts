/**
 * Most of the traced requests are alike: answered as asked, nobody's child and without an id of their own. Their three
 * spans differ in ids, times and a few numbers only. So the bytes of one are kept for each model, and the next one's
 * are written over them in those places.
 */
import type { RequestTrace } from "../request-trace.ts";
import {
  type EndedRequest,
  type ModelAttributes,
  type Span,
  spansOf,
  type TracedRequest,
} from "../spans.ts";
import { stagesOf } from "../stages.ts";
import { randomHex, randomWord } from "../trace-ids.ts";
import { PADDED_VARINT_END, putHex, putNanoseconds, putPaddedVarint } from "./wire.ts";

type Plain = EndedRequest & { readonly batchRows: number };

/** Whether it is one of them. */
export function isPlain(trace: RequestTrace, ended: EndedRequest): ended is Plain {
  const { above, requestId, tracestate, parentSpanId, number } = trace;
  const { timeline, failure, cache, execution, rows, batchRows } = ended;
  return (
    above === undefined &&
    requestId === "" &&
    tracestate === "" &&
    parentSpanId === "" &&
    failure === undefined &&
    cache === undefined &&
    execution !== undefined &&
    timeline.queued > 0 &&
    timeline.dispatched > 0 &&
    timeline.answered >= timeline.dispatched &&
    number < PADDED_VARINT_END &&
    rows < PADDED_VARINT_END &&
    batchRows !== undefined &&
    batchRows < PADDED_VARINT_END
  );
}

/** Numbers of which each has five bytes that stand in no text: 0xff is not in UTF-8. */
const [NUMBER, ROWS, BATCH_ROWS] = [1, 2, 3].map((nth) => (nth + 1) * 2 ** 28 - 1) as [
  number,
  number,
  number,
];

/** Every stage of it begins and ends at a time of its own. */
const EXAMPLE = {
  timeline: { received: 1000, queued: 1001, dispatched: 1002, answered: 1010 },
  execution: { inputUs: 1000, inferUs: 2000, outputUs: 1000 },
};

type Places = readonly number[];

export interface PlainSource {
  /** Spans as they stand in a message. */
  encode(spans: readonly Span[]): Uint8Array;
  readonly known: ModelAttributes;
  /** Wall clock at `Clock.now` 0, ms since 1970. */
  readonly zeroMs: number;
}

export class PlainRequest {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #zeroMs: number;
  readonly #ids: Readonly<Record<"trace" | "request" | "queue" | "compute", Places>>;
  readonly #times: Readonly<Record<keyof ReturnType<typeof timesOf>, Places>>;
  readonly #numbers: Readonly<Record<"number" | "rows" | "batchRows", Places>>;

  constructor({ encode, known, zeroMs }: PlainSource) {
    this.#zeroMs = zeroMs;
    const trace = {
      ...{ traceId: randomHex(16), spanId: randomHex(8), parentSpanId: "", tracestate: "" },
      ...{ requestId: "", number: NUMBER, above: undefined },
    };
    const ended = { ...EXAMPLE, rows: ROWS, batchRows: BATCH_ROWS };
    const request = { trace, ended, known } as TracedRequest;
    const spans = spansOf(request);
    const bytes = encode(spans);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

    const id = (digits = "") => placesOf(bytes, Buffer.from(digits, "hex"));
    const [, queue, compute] = spans;
    this.#ids = {
      ...{ trace: id(trace.traceId), request: id(trace.spanId) },
      ...{ queue: id(queue?.spanId), compute: id(compute?.spanId) },
    };
    const time = (ms: number) => {
      const example = new Uint8Array(8);
      putNanoseconds(new DataView(example.buffer), 0, zeroMs + ms);
      return placesOf(bytes, example);
    };
    const { start, queued, compute: begun, inputEnd, outputStart, end } = timesOf(request.ended);
    this.#times = {
      ...{ start: time(start), queued: time(queued), compute: time(begun) },
      ...{ inputEnd: time(inputEnd), outputStart: time(outputStart), end: time(end) },
    };
    const number = (value: number) => {
      const example = new Uint8Array(5);
      putPaddedVarint(example, 0, value);
      return placesOf(bytes, example);
    };
    this.#numbers = {
      number: number(NUMBER),
      rows: number(ROWS),
      batchRows: number(BATCH_ROWS),
    };
  }

  /** @returns its spans as they stand in a message, until the next call */
  encode(trace: RequestTrace, ended: Plain): Uint8Array {
    const ids = this.#ids;
    this.#id(ids.trace, trace.traceId);
    this.#id(ids.request, trace.spanId);
    this.#freshId(ids.queue);
    this.#freshId(ids.compute);
    const places = this.#times;
    const times = timesOf(ended);
    this.#time(places.start, times.start);
    this.#time(places.queued, times.queued);
    this.#time(places.compute, times.compute);
    this.#time(places.inputEnd, times.inputEnd);
    this.#time(places.outputStart, times.outputStart);
    this.#time(places.end, times.end);
    const numbers = this.#numbers;
    this.#number(numbers.number, trace.number);
    this.#number(numbers.rows, ended.rows);
    this.#number(numbers.batchRows, ended.batchRows);
    return this.#bytes;
  }

  #id(places: Places, digits: string): void {
    putHex(this.#bytes, places[0] as number, digits);
    this.#repeat(places, digits.length / 2);
  }

  /** That of a span, which nobody else knows. */
  #freshId(places: Places): void {
    const at = places[0] as number;
    this.#view.setUint32(at, randomWord());
    this.#view.setUint32(at + 4, randomWord());
    this.#repeat(places, 8);
  }

  #time(places: Places, ms: number): void {
    putNanoseconds(this.#view, places[0] as number, this.#zeroMs + ms);
    this.#repeat(places, 8);
  }

  #number(places: Places, value: number): void {
    for (const at of places) putPaddedVarint(this.#bytes, at, value);
  }

  /** What stands in the first of the places comes into the others. @param length bytes, a multiple of 4 */
  #repeat(places: Places, length: number): void {
    const view = this.#view;
    const from = places[0] as number;
    for (let nth = 1; nth < places.length; nth += 1) {
      const to = places[nth] as number;
      for (let at = 0; at < length; at += 4) view.setUint32(to + at, view.getUint32(from + at));
    }
  }
}

/** Of a plain one, `Clock.now` ms: the queue ends where the computation begins, and that where the request ends. */
function timesOf(ended: EndedRequest) {
  const { request, queue, compute } = stagesOf(ended);
  const { start, end } = request;
  const begun = compute?.start ?? end;
  return {
    start,
    end,
    queued: queue?.start ?? start,
    compute: begun,
    inputEnd: compute?.inputEnd ?? begun,
    outputStart: compute?.outputStart ?? begun,
  };
}

/** Where these bytes stand. */
function placesOf(bytes: Uint8Array, example: Uint8Array): Places {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: number[] = [];
  for (let at = all.indexOf(example); at >= 0; at = all.indexOf(example, at + 1)) places.push(at);
  return places;
}

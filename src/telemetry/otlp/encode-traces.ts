/**
 * Spans as an ExportTraceServiceRequest of OTLP 1.x, in protobuf. Numbers of fields: `opentelemetry/proto/trace/v1/trace.proto`,
 * `common/v1/common.proto`. What is the same for many spans is encoded once.
 */
import type { Attributes, Span } from "../spans.ts";
import { Wire } from "./wire.ts";

/** Field number and wire type, as they stand before a value. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const tag = (field: number, wire: number) => field * 8 + wire;

const RESOURCE_SPANS = tag(1, LENGTH);
const RESOURCE = tag(1, LENGTH);
const SCOPE_SPANS = tag(2, LENGTH);
const SCOPE = tag(1, LENGTH);
const SPANS = tag(2, LENGTH);
const SPAN = {
  traceId: tag(1, LENGTH),
  spanId: tag(2, LENGTH),
  traceState: tag(3, LENGTH),
  parentSpanId: tag(4, LENGTH),
  name: tag(5, LENGTH),
  kind: tag(6, VARINT),
  start: tag(7, FIXED64),
  end: tag(8, FIXED64),
  attributes: tag(9, LENGTH),
  events: tag(11, LENGTH),
  status: tag(15, LENGTH),
  flags: tag(16, FIXED32),
};
const EVENT = { time: tag(1, FIXED64), name: tag(2, LENGTH) };
const KEY_VALUE = { key: tag(1, LENGTH), value: tag(2, LENGTH) };
const ANY_VALUE = { text: tag(1, LENGTH), int: tag(3, VARINT), double: tag(4, FIXED64) };
const STATUS = { message: tag(2, LENGTH), code: tag(3, VARINT) };

const INTERNAL = 1;
const SERVER = 2;
const ERROR = 2;
/** Sampled, and it is known whether the parent is somebody else's. */
const FLAGS = 0x101;
const PARENT_REMOTE = 0x200;

export interface TraceSource {
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
  /** Wall clock at `Clock.now` 0, ms since 1970. */
  readonly zeroMs: number;
}

export class TraceEncoder {
  readonly #wire = new Wire();
  /** For what is encoded once, while a message is being written. */
  readonly #aside = new Wire();
  readonly #zeroMs: number;
  readonly #resource: Uint8Array;
  readonly #scope: Uint8Array;
  /** Of attributes that come with many spans, by identity. */
  readonly #encoded = new WeakMap<Attributes, Uint8Array>();
  /** Of the message that is open. */
  #begun: { readonly resourceSpans: number; readonly scopeSpans: number } | undefined;

  constructor({ resource, scope, zeroMs }: TraceSource) {
    this.#zeroMs = zeroMs;
    const wire = this.#wire;
    const resourceBegun = wire.begin(RESOURCE);
    writeAttributes(wire, tag(1, LENGTH), resource);
    wire.end(resourceBegun);
    this.#resource = wire.take();
    const scopeBegun = wire.begin(SCOPE);
    wire.text(tag(1, LENGTH), scope.name);
    wire.text(tag(2, LENGTH), scope.version);
    wire.end(scopeBegun);
    this.#scope = wire.take();
  }

  /** The message that is open gets it. */
  add(span: Span): void {
    this.#open();
    this.#span(this.#wire, span);
  }

  /** As `add`, of spans that `alone` encoded. */
  addEncoded(spans: Uint8Array): void {
    this.#open();
    this.#wire.raw(spans);
  }

  /** The message with what was added; the bytes are the caller's. */
  take(): Uint8Array {
    const { resourceSpans, scopeSpans } = this.#open();
    this.#begun = undefined;
    this.#wire.end(scopeSpans);
    this.#wire.end(resourceSpans);
    return this.#wire.take();
  }

  /** Spans as they stand in a message, without it. */
  alone(spans: Iterable<Span>): Uint8Array {
    const wire = new Wire();
    for (const span of spans) this.#span(wire, span);
    return wire.take();
  }

  #open() {
    if (this.#begun === undefined) {
      const wire = this.#wire;
      const resourceSpans = wire.begin(RESOURCE_SPANS);
      wire.raw(this.#resource);
      const scopeSpans = wire.begin(SCOPE_SPANS);
      wire.raw(this.#scope);
      this.#begun = { resourceSpans, scopeSpans };
    }
    return this.#begun;
  }

  #span(wire: Wire, span: Span): void {
    const begun = wire.begin(SPANS);
    wire.hex(SPAN.traceId, span.traceId);
    wire.hex(SPAN.spanId, span.spanId);
    if (span.tracestate !== "") wire.text(SPAN.traceState, span.tracestate);
    if (span.parentSpanId !== "") wire.hex(SPAN.parentSpanId, span.parentSpanId);
    wire.text(SPAN.name, span.name);
    wire.varint(SPAN.kind, span.server ? SERVER : INTERNAL);
    wire.nanoseconds(SPAN.start, this.#zeroMs + span.start);
    wire.nanoseconds(SPAN.end, this.#zeroMs + span.end);
    for (const attributes of span.shared) wire.raw(this.#once(attributes));
    writeAttributes(wire, SPAN.attributes, span.attributes);
    for (const { name, at } of span.events) {
      const event = wire.begin(SPAN.events);
      wire.nanoseconds(EVENT.time, this.#zeroMs + at);
      wire.text(EVENT.name, name);
      wire.end(event);
    }
    if (span.failure !== undefined) {
      const status = wire.begin(SPAN.status);
      wire.text(STATUS.message, span.failure);
      wire.varint(STATUS.code, ERROR);
      wire.end(status);
    }
    const parentRemote = span.parentRemote && span.parentSpanId !== "";
    wire.fixed32(SPAN.flags, parentRemote ? FLAGS | PARENT_REMOTE : FLAGS);
    wire.end(begun);
  }

  #once(attributes: Attributes): Uint8Array {
    let encoded = this.#encoded.get(attributes);
    if (encoded === undefined) {
      writeAttributes(this.#aside, SPAN.attributes, attributes);
      encoded = this.#aside.take();
      this.#encoded.set(attributes, encoded);
    }
    return encoded;
  }
}

function writeAttributes(wire: Wire, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key] ?? "";
    const begun = wire.begin(field);
    wire.text(KEY_VALUE.key, key);
    const any = wire.begin(KEY_VALUE.value);
    if (typeof value === "string") wire.text(ANY_VALUE.text, value);
    else if (Number.isSafeInteger(value) && value >= 0) wire.varint(ANY_VALUE.int, value);
    else wire.double(ANY_VALUE.double, value);
    wire.end(any);
    wire.end(begun);
  }
}

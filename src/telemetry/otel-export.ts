/**
 * Spans on their way to a collector, by OTLP over HTTP. With `otlp/sending-thread.ts` the only file that loads the
 * OpenTelemetry SDK, and it is imported only where that mode is chosen. Of the SDK are the resource, the settings and
 * the sending; a request that ended only leaves a note, which is part of a message soon after.
 */
import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, TraceState } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { type Clock, systemClock } from "../clock.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import { Batches, type OpenMessage } from "./otlp/batches.ts";
import { Losses } from "./otlp/losses.ts";
import { type EncodedSpans, ProtobufMessage } from "./otlp/protobuf-message.ts";
import { SpanSender } from "./otlp/span-sender.ts";
import {
  type Attributes,
  type ModelAttributes,
  modelAttributes,
  type Span,
  spanCount,
  spansOf,
  type TracedRequest,
} from "./spans.ts";
import type { TraceSink } from "./tracer.ts";

export interface SpanExportOptions {
  /** undefined: where the OTEL_* variables say. */
  readonly url: string | undefined;
  /** Before what OTEL_RESOURCE_ATTRIBUTES says. */
  readonly resource: Readonly<Record<string, string>>;
  readonly maxQueueSize: number;
  readonly scheduleDelayMs: number;
  readonly maxExportBatchSize: number;
  /** Wall clock at `Clock.now` 0, ms since 1970. */
  readonly zeroMs: number;
  readonly version: string;
  /** What else is known of a model: backend, artifact. @param variant what served, where it was one of several */
  about(signature: ModelSignature, variant: string | undefined): Attributes;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly clock?: Clock;
}

/** An export that takes longer is given up, and all that are left when it stops: less than a service may take for that. */
const EXPORT_TIMEOUT_MS = 4000;

/** How messages are made, and how one is sent. */
interface Exporter<Message> {
  readonly open: OpenMessage<TracedRequest, Message>;
  send(message: Message): Promise<void>;
  close(): Promise<void>;
}

export async function openSpanExport(options: SpanExportOptions): Promise<TraceSink> {
  return exportProtocol() === "http/json"
    ? sinkOf(await openJsonExporter(options), options)
    : sinkOf(await openProtobufExporter(options), options);
}

function sinkOf<Message>(
  { open, send, close }: Exporter<Message>,
  options: SpanExportOptions,
): TraceSink {
  const { clock = systemClock, log } = options;
  const losses = new Losses({ clock, log });
  const batches = new Batches<TracedRequest, Message>({
    rules: {
      most: options.maxQueueSize,
      batch: options.maxExportBatchSize,
      delayMs: options.scheduleDelayMs,
    },
    ...{ open, clock },
    weightOf: ({ ended }) => spanCount(ended),
    async send(message) {
      losses.dropped(batches.dropped);
      try {
        await within(EXPORT_TIMEOUT_MS, clock, send(message));
        losses.arrived();
      } catch (thrown) {
        losses.lost(thrown);
      }
    },
  });
  const known = new WeakMap<ModelSignature, Map<string | undefined, ModelAttributes>>();
  const knownOf = (signature: ModelSignature, variant: string | undefined) => {
    let variants = known.get(signature);
    if (variants === undefined) {
      variants = new Map();
      known.set(signature, variants);
    }
    let attributes = variants.get(variant);
    if (attributes === undefined) {
      attributes = modelAttributes(signature, options.about(signature, variant));
      variants.set(variant, attributes);
    }
    return attributes;
  };
  return {
    ended(trace, ended) {
      batches.add({ trace, ended, known: knownOf(ended.signature, ended.variant) });
    },
    async close() {
      // What is left then is given up: nobody waits for a collector that hangs.
      await within(EXPORT_TIMEOUT_MS, clock, batches.close()).catch(() => undefined);
      await close();
    },
  };
}

async function within<T>(limitMs: number, clock: Clock, sent: Promise<T>): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    stop = clock.after(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
  });
  try {
    return await Promise.race([sent, late]);
  } finally {
    stop();
  }
}

async function openJsonExporter(options: SpanExportOptions): Promise<Exporter<ReadableSpan[]>> {
  const resource = resourceOf(options);
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const exporter = new OTLPTraceExporter(settingsOf(options));
  let spans: ReadableSpan[] = [];
  return {
    open: {
      add(request) {
        for (const span of spansOf(request)) {
          spans.push(readableSpan(span, options.zeroMs, resource, scopeOf(options)));
        }
      },
      take() {
        const taken = spans;
        spans = [];
        return taken;
      },
    },
    send: (message) => answered((told) => exporter.export(message, told)),
    close: () => exporter.shutdown(),
  };
}

async function openProtobufExporter(options: SpanExportOptions): Promise<Exporter<EncodedSpans>> {
  const sender = await SpanSender.open({ url: options.url, timeoutMs: EXPORT_TIMEOUT_MS });
  return {
    open: new ProtobufMessage({
      resource: textsAndNumbers(resourceOf(options)),
      scope: scopeOf(options),
      zeroMs: options.zeroMs,
    }),
    send: (message) => sender.send(message),
    close: () => sender.close(),
  };
}

const scopeOf = ({ version }: SpanExportOptions) => ({ name: "beamgate", version });

const settingsOf = ({ url }: SpanExportOptions) => ({
  ...(url === undefined ? {} : { url }),
  timeoutMillis: EXPORT_TIMEOUT_MS,
});

const resourceOf = ({ resource }: SpanExportOptions): Resource =>
  defaultResource()
    .merge(resourceFromAttributes({ "service.name": "triton-inference-server" }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(resource));

function answered(send: (told: (result: ExportResult) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    send(({ code, error }) => {
      if (code === ExportResultCode.SUCCESS) resolve();
      else reject(error ?? new Error("the collector did not take the spans"));
    });
  });
}

/** A resource has texts, and numbers such as its process id. */
function textsAndNumbers({ attributes }: Resource): Attributes {
  const told = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    told.map(([key, value]) => [key, typeof value === "number" ? value : String(value)]),
  );
}

function exportProtocol(): string | undefined {
  const { env } = process;
  return env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"];
}

function readableSpan(
  span: Span,
  zeroMs: number,
  resource: Resource,
  instrumentationScope: ReadableSpan["instrumentationScope"],
): ReadableSpan {
  const { traceId, tracestate } = span;
  const context = (spanId: string) => ({
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    ...(tracestate === "" ? {} : { traceState: new TraceState(tracestate) }),
  });
  const own = context(span.spanId);
  return {
    name: span.name,
    kind: span.server ? SpanKind.SERVER : SpanKind.INTERNAL,
    spanContext: () => own,
    ...(span.parentSpanId === ""
      ? {}
      : { parentSpanContext: { ...context(span.parentSpanId), isRemote: span.parentRemote } }),
    startTime: highResolution(zeroMs + span.start),
    endTime: highResolution(zeroMs + span.end),
    duration: highResolution(span.end - span.start),
    status:
      span.failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.failure },
    attributes: Object.assign({}, ...span.shared, span.attributes),
    links: [],
    events: span.events.map(({ name, at }) => ({ name, time: highResolution(zeroMs + at) })),
    resource,
    instrumentationScope,
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Whole seconds and nanoseconds. */
function highResolution(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

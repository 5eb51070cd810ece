/**
 * Spans on their way to a collector, by OTLP over HTTP. The only file that loads
 * the OpenTelemetry SDK, and it is imported only where that mode is chosen. Spans
 * are handed over finished: no tracer, no context and no sampler of the SDK runs.
 */
import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { RequestTrace } from "./request-trace.ts";
import { type Span, spansOf } from "./spans.ts";
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
  /** What else is known of a model: backend, artifact. */
  about(signature: ModelSignature): Readonly<Record<string, string | number>>;
}

/** An export that takes longer is given up: less than a service may take to stop. */
const EXPORT_TIMEOUT_MS = 4000;

export async function openSpanExport(options: SpanExportOptions): Promise<TraceSink> {
  const { OTLPTraceExporter } =
    exportProtocol() === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  const exporter = new OTLPTraceExporter({
    ...(options.url === undefined ? {} : { url: options.url }),
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const processor = new BatchSpanProcessor(exporter, {
    maxQueueSize: options.maxQueueSize,
    scheduledDelayMillis: options.scheduleDelayMs,
    maxExportBatchSize: options.maxExportBatchSize,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const resource = defaultResource()
    .merge(resourceFromAttributes({ "service.name": "triton-inference-server" }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(options.resource));
  const readable = (span: Span): ReadableSpan => ({
    ...readableSpan(span, options.zeroMs),
    resource,
    instrumentationScope: { name: "beamgate", version: options.version },
  });
  return {
    ended(trace: RequestTrace, outcome: RequestOutcome) {
      for (const span of spansOf(trace, outcome, options.about(outcome.signature))) {
        processor.onEnd(readable(span));
      }
    },
    close: () => processor.shutdown(),
  };
}

function exportProtocol(): string | undefined {
  const { env } = process;
  return env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"];
}

function readableSpan(span: Span, zeroMs: number) {
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
    attributes: { ...span.attributes },
    links: [],
    events: span.events.map(({ name, at }) => ({ name, time: highResolution(zeroMs + at) })),
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

/** Tracing as the configuration wants it: settings that clients may change, and where traces go. */
import type { Config } from "../config/load.ts";
import { StatusError } from "../errors.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { MOST_IN_A_MESSAGE } from "../telemetry/otlp/protobuf-message.ts";
import { TraceSettings } from "../telemetry/trace-settings.ts";
import { readTraceWords, type TraceWords, traceWords } from "../telemetry/trace-words.ts";
import { Tracer, type TraceSink } from "../telemetry/tracer.ts";
import { TritonTraceFile } from "../telemetry/triton-trace.ts";

export interface Tracing {
  /** Absent where no trace could go anywhere: no request is looked at. */
  readonly tracer: Tracer | undefined;
  readonly service: Service;
  /** What `TraceSetting` and `/v2/trace/setting` do. */
  readonly control: {
    settings(model: string): TraceWords;
    update(model: string, words: TraceWords): void;
  };
}

interface Surroundings {
  readonly log: Logger;
  readonly version: string;
  /** False for a model that can not be asked about. */
  isReady(model: string): boolean;
  /** What else is known of a model, for its spans. @param variant what served, where it was one of several */
  about(
    signature: ModelSignature,
    variant: string | undefined,
  ): Readonly<Record<string, string | number>>;
}

type TraceSlice = Config["trace"];

export async function createTracing(
  slice: TraceSlice,
  surroundings: Surroundings,
): Promise<Tracing> {
  const { log, isReady } = surroundings;
  const impossible =
    slice.mode === "triton" && slice.file === undefined
      ? "trace file name is not given"
      : undefined;
  const level = slice.level.includes("OFF") ? [] : slice.level.filter((one) => one !== "OFF");
  if (impossible !== undefined && level.length > 0) log.warn(`nothing is traced: ${impossible}`);
  if (slice.mode === "opentelemetry" && level.length === 0) {
    log.warn("nothing is traced until the trace level is TIMESTAMPS");
  }
  const { rate, count, logFrequency } = slice;
  const values = { level: impossible === undefined ? level : [], rate, count, logFrequency };
  const settings = new TraceSettings(values, impossible);
  const otel = openTelemetryNumbers(slice);
  const sink =
    impossible === undefined ? await sinkOf(slice, otel, settings, surroundings) : undefined;
  const tracer = sink && new Tracer(settings, sink, slice.mode === "opentelemetry");

  const requireReady = (model: string) => {
    if (model === "" || isReady(model)) return;
    throw new StatusError("INVALID_ARGUMENT", `Request for unknown model : ${model}`);
  };
  return {
    tracer,
    service: {
      name: "traces",
      start: async () => {},
      stop: async () => tracer?.close(),
    },
    control: {
      settings(model) {
        requireReady(model);
        const { values: now, left } = settings.of(model);
        const words = traceWords(now, left);
        if (slice.mode === "triton") words.set("trace_file", [slice.file ?? ""]);
        else {
          words.delete("log_frequency");
          for (const [key, value] of Object.entries(otel)) words.set(key, [String(value)]);
          if (slice.otel.url !== undefined) words.set("url", [slice.otel.url]);
          if (slice.otel.resource.length > 0) words.set("resource", slice.otel.resource);
        }
        return words.set("trace_mode", [slice.mode]);
      },
      update(model, words) {
        requireReady(model);
        settings.update(model, readTraceWords(words));
      },
    },
  };
}

async function sinkOf(
  slice: TraceSlice,
  otel: ReturnType<typeof openTelemetryNumbers>,
  settings: TraceSettings,
  { log, version, about }: Surroundings,
): Promise<TraceSink | undefined> {
  if (slice.mode === "triton") {
    if (slice.file === undefined) return undefined;
    const zeroNs = Number(process.hrtime.bigint()) - performance.now() * 1e6;
    const file = new TritonTraceFile(slice.file, log, zeroNs);
    settings.onReplaced = (setting) => file.replaced(setting);
    return file;
  }
  if (process.env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const { openSpanExport } = await import("../telemetry/otel-export.ts");
  return openSpanExport({
    url: slice.otel.url,
    resource: Object.fromEntries(slice.otel.resource.map(attribute)),
    maxQueueSize: otel.bsp_max_queue_size,
    scheduleDelayMs: otel.bsp_schedule_delay,
    maxExportBatchSize: Math.min(otel.bsp_max_export_batch_size, otel.bsp_max_queue_size),
    log,
    zeroMs: performance.timeOrigin,
    version,
    about,
  });
}

function attribute(written: string): [string, string] {
  const equals = written.indexOf("=");
  return [written.slice(0, equals), written.slice(equals + 1)];
}

/** Under the names Triton gives them; ours, else those of the OTEL_* variables, else the standard's. */
function openTelemetryNumbers({ otel }: TraceSlice) {
  const variable = (name: string, otherwise: number) => {
    const value = Number(process.env[name]);
    return Number.isInteger(value) && value > 0 ? value : otherwise;
  };
  return {
    bsp_max_queue_size: otel.maxQueueSize ?? variable("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
    bsp_schedule_delay: otel.scheduleDelayMs ?? variable("OTEL_BSP_SCHEDULE_DELAY", 5000),
    bsp_max_export_batch_size:
      otel.maxExportBatchSize ??
      Math.min(variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512), MOST_IN_A_MESSAGE),
  };
}

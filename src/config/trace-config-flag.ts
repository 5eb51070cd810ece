/**
 * `--trace-config`: `<setting>=<value>` for both modes, `<mode>,<setting>=<value>`
 * for one of them. Every setting is a key of the section `trace`.
 */
import type { WrittenKey } from "./setting.ts";

const KEYS: Readonly<Record<string, string>> = {
  rate: "trace.rate",
  level: "trace.level",
  count: "trace.count",
  mode: "trace.mode",
  "triton,file": "trace.file",
  "triton,log-frequency": "trace.logFrequency",
  "opentelemetry,url": "trace.otel.url",
  "opentelemetry,resource": "trace.otel.resource",
  "opentelemetry,bsp_max_queue_size": "trace.otel.maxQueueSize",
  "opentelemetry,bsp_schedule_delay": "trace.otel.scheduleDelayMs",
  "opentelemetry,bsp_max_export_batch_size": "trace.otel.maxExportBatchSize",
};

/** @throws Error that names the form or the settings there are */
export function spreadTraceConfig(written: string): WrittenKey {
  const equals = written.indexOf("=");
  const setting = written.slice(0, Math.max(0, equals));
  const value = written.slice(equals + 1);
  if (setting === "" || value === "") {
    throw new Error(
      `option format is '<trace mode>,<setting>=<value>' or '<setting>=<value>'. Got ${written}`,
    );
  }
  const key = Object.hasOwn(KEYS, setting) ? KEYS[setting] : undefined;
  if (key === undefined) {
    throw new Error(`unknown setting '${setting}'; there are ${Object.keys(KEYS).join(", ")}`);
  }
  return { key, written: key === "trace.level" ? traceLevel(value) : value };
}

/** Triton's spellings of a level as the one of the key; others are left for the schema to refuse. */
export function traceLevel(written: string): string {
  switch (written.toLowerCase()) {
    case "false":
    case "off":
      return "OFF";
    case "true":
    case "on":
    case "min":
    case "max":
    case "timestamps":
      return "TIMESTAMPS";
    case "tensors":
      return "TENSORS";
    default:
      return written;
  }
}

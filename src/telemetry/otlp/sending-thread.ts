/** Main file of the thread from which messages of spans are sent, see `span-sender.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { ExportResultCode } from "@opentelemetry/core";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import type { EncodedSpans } from "./protobuf-message.ts";
import type { SenderSettings, ToThread } from "./span-sender.ts";

const { url, timeoutMs } = workerData as SenderSettings;
const delegate = createOtlpHttpExportDelegate<EncodedSpans, undefined>(
  convertLegacyHttpOptions(
    { ...(url !== undefined && { url }), timeoutMillis: timeoutMs },
    ...(["TRACES", "v1/traces", { "Content-Type": "application/x-protobuf" }] as const),
  ),
  { serializeRequest: ({ bytes }) => bytes, deserializeResponse: () => undefined },
  "otlp_http_span_exporter",
  { name: "span", countItems: ({ count }) => count },
  undefined,
);

parentPort?.on("message", ({ id, message }: ToThread) => {
  delegate.export(message, ({ code, error }) => {
    const failure =
      code === ExportResultCode.SUCCESS
        ? undefined
        : (error?.message ?? "the collector did not take the spans");
    parentPort?.postMessage({ id, failure });
  });
});
parentPort?.postMessage("ready");

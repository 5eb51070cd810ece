/**
 * tritonserver's flags: every one is accepted as tritonserver takes it, so that
 * an image can be swapped under an existing chart. Names from the documentation
 * and `--help` of Triton Inference Server (mid 2026).
 */
import { spreadMetricsConfig } from "./metrics-config-flag.ts";
import type { WrittenKey } from "./setting.ts";
import { spreadTraceConfig, traceLevel } from "./trace-config-flag.ts";

export interface TritonFlag {
  /** Without the dashes. */
  readonly name: string;
  readonly kind: "boolean" | "level" | "text" | "list";
  /** The key it sets; undefined: accepted, warned about, ignored. */
  readonly key?: string;
  /** How its values become the key's, where it is not written like the key. @throws Error in words for the operator */
  readonly read?: (values: readonly string[]) => unknown;
  /** The key gets the opposite of the flag. */
  readonly negated?: true;
  /** Each of its values sets a key of its own. @throws Error for a value that sets none */
  readonly spread?: (written: string) => WrittenKey;
  /** Why it does nothing, for the warning. */
  readonly ignored?: string;
}

const sets = (kind: TritonFlag["kind"], key: string) => (name: string) => ({ name, kind, key });
const bool = (name: string, key: string): TritonFlag => sets("boolean", key)(name);
const text = (name: string, key: string): TritonFlag => sets("text", key)(name);
const list = (name: string, key: string): TritonFlag => sets("list", key)(name);
const spread = (name: string, one: NonNullable<TritonFlag["spread"]>): TritonFlag => ({
  name,
  kind: "list",
  spread: one,
});
const idle = (reason: string, kind: TritonFlag["kind"], ...names: string[]): TritonFlag[] =>
  names.map((name) => ({ name, kind, ignored: reason }));

const NO_CUDA = "CUDA and pinned memory are not managed here";
const NO_CLOUD = "there is no SageMaker or Vertex AI endpoint";
const OWN_THREADS = "the number of threads and buffers is chosen by the gateway";

/** `local,size=1048576`: the only cache there is, and its size in bytes. */
function localCacheBytes(values: readonly string[]): number {
  const match = /^local,\s*size=(\d{1,15})$/.exec(values.at(-1) ?? "");
  if (match === null) {
    throw new Error(`expected local,size=BYTES, got ${JSON.stringify(values.at(-1) ?? "")}`);
  }
  return Number(match[1]);
}

export const tritonFlags: readonly TritonFlag[] = [
  text("id", "server.id"),
  text("exit-timeout-secs", "server.exitTimeoutSecs"),
  bool("exit-on-error", "repository.exitOnError"),
  bool("strict-readiness", "server.strictReadiness"),
  bool("allow-client-shm", "server.allowClientShm"),
  { ...bool("disable-auto-complete-config", "repository.autoComplete"), negated: true },
  { ...bool("strict-model-config", "repository.autoComplete"), negated: true },

  list("model-repository", "repository.roots"),
  list("model-store", "repository.roots"),
  text("model-control-mode", "repository.controlMode"),
  text("repository-poll-secs", "repository.pollSecs"),
  list("load-model", "repository.loadModels"),
  text("model-config-name", "repository.configName"),

  bool("allow-http", "http.enabled"),
  text("http-address", "http.address"),
  text("http-port", "http.port"),
  text("http-max-input-size", "http.maxInputBytes"),

  bool("allow-grpc", "grpc.enabled"),
  text("grpc-address", "grpc.address"),
  text("grpc-port", "grpc.port"),
  bool("grpc-use-ssl", "grpc.tls.useSsl"),
  bool("grpc-use-ssl-mutual", "grpc.tls.mutual"),
  text("grpc-server-cert", "grpc.tls.certPath"),
  text("grpc-server-key", "grpc.tls.keyPath"),
  text("grpc-root-cert", "grpc.tls.rootCertPath"),
  text("grpc-infer-response-compression-level", "grpc.compressionLevel"),
  text("grpc-keepalive-time", "grpc.keepalive.timeMs"),
  text("grpc-keepalive-timeout", "grpc.keepalive.timeoutMs"),
  bool("grpc-keepalive-permit-without-calls", "grpc.keepalive.permitWithoutCalls"),
  text("grpc-http2-max-pings-without-data", "grpc.keepalive.maxPingsWithoutData"),
  text("grpc-http2-min-recv-ping-interval-without-data", "grpc.keepalive.minRecvPingIntervalMs"),
  text("grpc-http2-max-ping-strikes", "grpc.keepalive.maxPingStrikes"),
  text("grpc-max-connection-age", "grpc.maxConnectionAgeMs"),
  text("grpc-max-connection-age-grace", "grpc.maxConnectionAgeGraceMs"),

  { ...list("cache-config", "cache.sizeBytes"), read: localCacheBytes },
  text("response-cache-byte-size", "cache.sizeBytes"),

  text("rate-limit", "rateLimit.mode"),
  list("rate-limit-resource", "rateLimit.resources"),

  bool("allow-metrics", "metrics.enabled"),
  text("metrics-address", "metrics.address"),
  text("metrics-port", "metrics.port"),

  { name: "log-verbose", kind: "level", key: "log.verbose" },
  bool("log-info", "log.info"),
  bool("log-warning", "log.warning"),
  bool("log-error", "log.error"),
  text("log-format", "log.format"),
  text("log-file", "log.file"),

  spread("trace-config", spreadTraceConfig),
  spread("trace-level", (written) => ({ key: "trace.level", written: traceLevel(written) })),
  text("trace-file", "trace.file"),
  text("trace-rate", "trace.rate"),
  text("trace-count", "trace.count"),
  text("trace-log-frequency", "trace.logFrequency"),

  spread("metrics-config", spreadMetricsConfig),
  text("metrics-interval-ms", "metrics.intervalMs"),
  bool("allow-cpu-metrics", "metrics.cpu"),

  list("grpc-restricted-protocol", "grpc.restrictedProtocols"),
  list("http-restricted-api", "http.restrictedApis"),
  text("grpc-header-forward-pattern", "grpc.headerForwardPattern"),
  text("http-header-forward-pattern", "http.headerForwardPattern"),
  ...idle("ports are never shared", "boolean", "reuse-grpc-port", "reuse-http-port"),
  ...idle(
    OWN_THREADS,
    "text",
    "http-thread-count",
    "grpc-infer-thread-count",
    "grpc-infer-allocation-pool-size",
    "grpc-max-response-pool-size",
    "model-load-thread-count",
    "model-load-retry-count",
    "buffer-manager-thread-count",
  ),
  ...idle(
    "models have no namespaces here: names are unique over all repositories",
    "boolean",
    "model-namespacing",
  ),
  ...idle("metrics of devices are always told", "boolean", "allow-gpu-metrics"),
  ...idle("the response cache is part of the gateway", "text", "cache-directory"),
  ...idle("backends are configured under the key `backends`", "list", "backend-config"),
  ...idle("there are no plug-ins to load from a folder", "text", "backend-directory"),
  ...idle("there are no plug-ins to load from a folder", "text", "repoagent-directory"),
  ...idle("host policies are not supported", "list", "host-policy"),
  ...idle(
    NO_CUDA,
    "list",
    "cuda-memory-pool-byte-size",
    "cuda-virtual-address-size",
    "model-load-gpu-limit",
  ),
  ...idle(NO_CUDA, "text", "pinned-memory-pool-byte-size", "min-supported-compute-capability"),
  ...idle(NO_CUDA, "boolean", "enable-peer-access"),
  ...idle(NO_CLOUD, "boolean", "allow-sagemaker", "allow-vertex-ai"),
  ...idle(
    NO_CLOUD,
    "text",
    "sagemaker-port",
    "sagemaker-safe-port-range",
    "sagemaker-thread-count",
    "vertex-ai-port",
    "vertex-ai-thread-count",
    "vertex-ai-default-model",
  ),
];

/**
 * Every key of the configuration: meaning, unit, default. The one place where
 * they are declared; flags, environment variables, `config check` and the help
 * text are derived from it. Rooms never see this file: `gateway.ts` hands each
 * its slice.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { packageRoot } from "../package-root.ts";
import { defaultReceiveBudgetBytes } from "./memory.ts";

/** What a key says about itself beyond its type. */
export interface KeyNotes {
  readonly unit?: string;
  /** A file or folder: relative to the configuration file, or to the working directory elsewhere. */
  readonly path?: true;
  /** Shown as `(redacted)`. */
  readonly secret?: true;
  /** For a default that is computed. */
  readonly defaultText?: string;
}

function key<T extends z.ZodType>(type: T, description: string, notes: KeyNotes = {}): T {
  return type.meta({ description, ...notes });
}

const INT32_MAX = 2 ** 31 - 1;
const MIB = 2 ** 20;
const whole = (least: number, most: number) => z.int().min(least).max(most);
const ms = (least = 0) => whole(least, INT32_MAX);
const port = () => whole(0, 65_535);
const bytes = (least: number, most = Number.MAX_SAFE_INTEGER) => whole(least, most);
const address = () => z.string().min(1).max(255);
const file = () => z.string().min(1);

const tls = (protocol: string) =>
  z.strictObject({
    useSsl: key(z.boolean().default(false), `Serve ${protocol} over TLS`),
    mutual: key(z.boolean().default(false), "Ask clients for a certificate; implies useSsl"),
    certPath: key(file().optional(), "Server certificate chain, PEM", { path: true }),
    keyPath: key(file().optional(), "Private key of the certificate, PEM", { path: true }),
    rootCertPath: key(file().optional(), "Authorities of client certificates, PEM", { path: true }),
  });

const keepalive = z.strictObject({
  timeMs: key(ms(1).default(7_200_000), "Idle time before the server pings", { unit: "ms" }),
  timeoutMs: key(ms(1).default(20_000), "Wait for the answer to a ping", { unit: "ms" }),
  permitWithoutCalls: key(z.boolean().default(false), "Ping connections that have no calls"),
  maxPingsWithoutData: key(whole(0, INT32_MAX).default(2), "Pings between two data frames"),
  minRecvPingIntervalMs: key(
    ms().default(300_000),
    "Shortest time between two pings of a client that sends no data",
    { unit: "ms" },
  ),
  maxPingStrikes: key(
    whole(0, INT32_MAX).default(2),
    "Pings sent too early before a client is disconnected; 0 tolerates all",
  ),
});

const grpc = z.strictObject({
  enabled: key(z.boolean().default(true), "Listen for gRPC"),
  address: key(address().default("127.0.0.1"), "Address to listen on"),
  port: key(port().default(8001), "Port; 0 picks a free one"),
  edges: key(
    whole(0, 64).default(0),
    "Processes that speak HTTP/2 and TLS with clients, worth cores of their own where there are many connections, or TLS; 0: the gateway does it itself",
  ),
  tls: tls("gRPC").prefault({}),
  responseCompression: key(
    z.enum(["none", "gzip", "deflate"]).default("none"),
    "How answers are compressed for clients that accept it",
  ),
  compressionLevel: key(
    z.enum(["none", "low", "medium", "high"]).default("none"),
    "Effort of the compression; above none, and with no algorithm named, gzip",
  ),
  keepalive: keepalive.prefault({}),
  maxConnectionAgeMs: key(ms().default(0), "Age at which a connection is told to leave; 0: never", {
    unit: "ms",
  }),
  maxConnectionAgeGraceMs: key(
    ms().default(0),
    "Time its calls then have to end; 0: as long as they take",
    { unit: "ms" },
  ),
  maxMessageBytes: key(bytes(1, INT32_MAX).default(INT32_MAX), "Largest message, decompressed", {
    unit: "bytes",
  }),
  receiveBudgetBytes: key(
    bytes(MIB).default(() => Math.max(MIB, defaultReceiveBudgetBytes())),
    "Bodies being received or queued, all connections of gRPC and HTTP together",
    { unit: "bytes", defaultText: "a quarter of the memory limit, at most 4 GiB" },
  ),
  maxConcurrentStreams: key(
    whole(1, INT32_MAX).default(1024),
    "Calls in flight on one connection; further ones wait in the client",
  ),
  restrictedProtocols: key(
    z.array(z.string().min(1)).default([]),
    "RPCs only for calls with a header, <group>,...:<key>=<value>; the header is triton-grpc-protocol-<key>",
    { secret: true },
  ),
  headerForwardPattern: key(
    z.string().default(""),
    "Metadata whose key matches this pattern become parameters of the request",
  ),
});

const http = z.strictObject({
  enabled: key(z.boolean().default(true), "Listen for HTTP"),
  address: key(address().default("127.0.0.1"), "Address to listen on"),
  port: key(port().default(8000), "Port; 0 picks a free one"),
  tls: tls("HTTP").prefault({}),
  maxInputBytes: key(bytes(1, INT32_MAX).default(64 * MIB), "Largest body of a request", {
    unit: "bytes",
  }),
  restrictedApis: key(
    z.array(z.string().min(1)).default([]),
    "URLs only for requests with a header, <group>,...:<header>=<value>",
    { secret: true },
  ),
  headerForwardPattern: key(
    z.string().default(""),
    "Headers whose name matches this pattern become parameters of the request",
  ),
});

const metrics = z.strictObject({
  enabled: key(z.boolean().default(true), "Serve /metrics for Prometheus"),
  address: key(address().optional(), "Address to listen on", { defaultText: "http.address" }),
  port: key(port().default(8002), "Port; 0 picks a free one"),
  cpu: key(z.boolean().default(true), "Tell how busy the machine's cores and memory are"),
  intervalMs: key(ms(1).default(2000), "Shortest time over which the load of the cores is taken", {
    unit: "ms",
  }),
  maxStageSeries: key(
    whole(0, 100_000).default(100),
    "Sets of model, tenant and device with histograms of durations; the rest is 'other'; 0: none",
  ),
  counterLatencies: key(z.boolean().default(true), "Tell durations as sums (nv_inference_*_us)"),
  histogramLatencies: key(
    z.boolean().default(false),
    "Tell the time to the first response as a histogram",
  ),
  summaryLatencies: key(
    z.boolean().default(false),
    "Tell durations as quantiles of the last minute, too; costs time on every request",
  ),
  summaryQuantiles: key(
    z
      .array(z.string().regex(/^(0?\.\d+|0|1)(:\d*\.?\d+)?$/, "expected <quantile>:<error>"))
      .min(1)
      .default(["0.5:0.05", "0.9:0.01", "0.95:0.001", "0.99:0.001", "0.999:0.001"]),
    "Which quantiles, each with the error Triton would allow",
  ),
});

const repository = z.strictObject({
  roots: key(
    z
      .array(z.string().min(1))
      .min(1)
      .default(() => [join(packageRoot, "models")]),
    "Folders of models in Triton's layout; read, never written",
    { path: true, defaultText: "models/ of this package" },
  ),
  controlMode: key(
    z.enum(["none", "poll", "explicit"]).default("none"),
    "none: load all at start; poll: follow changes; explicit: load on request",
  ),
  pollSecs: key(
    whole(1, 86_400).default(15),
    "Time between two looks at the roots in mode poll, and at models that backends offer",
    {
      unit: "s",
    },
  ),
  loadModels: key(
    z.array(z.string().min(1)).default([]),
    "Models loaded at start in mode explicit; * for all",
  ),
  configName: key(
    z.string().max(255).default(""),
    "Use configs/<name>.pbtxt of a model where it exists, else config.pbtxt",
  ),
  autoComplete: key(
    z.boolean().default(true),
    "Complete a missing or partial config.pbtxt from the model file",
  ),
  exitOnError: key(z.boolean().default(false), "Refuse to start when a model fails to load"),
});

const workers = z.strictObject({
  maxCpuWorkers: key(
    whole(1, 4096).default(() => 2 * availableParallelism()),
    "Worker processes on CPUs; further instances share them",
    { defaultText: "2 x cores" },
  ),
  executionTimeoutMs: key(
    ms(1).default(60_000),
    "Time one execution may take before its worker is killed",
    { unit: "ms" },
  ),
  heartbeatMs: key(ms(10).default(1000), "Time between two signs of life of a worker", {
    unit: "ms",
  }),
  threads: key(
    whole(1, 1024).default(1),
    "Threads of one execution where the model's configuration names none",
  ),
  slabFolder: key(file().default("/dev/shm"), "Where tensors of workers lie; a tmpfs", {
    path: true,
  }),
});

const server = z.strictObject({
  id: key(z.string().min(1).max(255).default("triton"), "Name in ServerMetadata"),
  site: key(
    z.string().max(64).default(""),
    "Where this gateway's devices stand, as the dashboard groups them: a computing centre, a counting room",
  ),
  strictReadiness: key(
    z.boolean().default(true),
    "Ready only when every model is ready; otherwise as soon as the server answers",
  ),
  exitTimeoutSecs: key(
    whole(0, 86_400).default(30),
    "Time that requests in flight have to end after SIGTERM, and that 'retire' waits for them",
    { unit: "s" },
  ),
  allowClientShm: key(
    z.boolean().default(false),
    "Let clients on this machine pass tensors through shared memory; listeners must be on loopback",
  ),
  insecureNoAuth: key(
    z.boolean().default(false),
    "Allow addresses other than loopback although nobody is authenticated",
  ),
});

const listener = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "expected a name, at most 64 characters"),
  grpcPort: port().optional(),
  serverName: z.string().min(1).max(253).optional(),
});

const auth = z.strictObject({
  tenantsFile: key(
    file().optional(),
    "Who may call and for which tenant (YAML); without it nobody is asked. Read again when it changes",
    { path: true },
  ),
  listeners: key(
    z.array(listener).default([]),
    "Where clients come that can present nothing: name, and grpcPort (one more port) or serverName (SNI)",
  ),
});

const cache = z.strictObject({
  sizeBytes: key(
    bytes(0).default(0),
    "Memory for answers of models that enable response_cache; 0: they are not kept",
    { unit: "bytes" },
  ),
});

const rateLimit = z.strictObject({
  mode: key(
    z.enum(["off", "execution_count"]).default("off"),
    "execution_count: an execution waits for the resources that rate_limiter of its instance group names",
  ),
  resources: key(
    z
      .array(
        z.string().regex(/^[^:]+:\d{1,9}(:\d{1,9})?$/, "expected NAME:COUNT or NAME:COUNT:DEVICE"),
      )
      .default([]),
    "Copies there are of a resource, NAME:COUNT or NAME:COUNT:DEVICE (the CPU is device 0); of others, as many as one instance needs at most",
  ),
});

const routing = z.strictObject({
  policy: key(
    z.enum(["expected-delay", "preference"]).default("expected-delay"),
    "Which variant of a model takes a request: the one expected to answer first, or the first in the model's order that serves",
  ),
  spillAboveMs: key(
    ms(1).optional(),
    "With preference: expected delay from which on the next variant in the order is taken",
    { unit: "ms", defaultText: "never" },
  ),
});

const breaker = z.strictObject({
  errorPercent: key(
    whole(1, 99).default(50),
    "Share of the executions in the window that failed above which a device gets no more batches",
    { unit: "%" },
  ),
  leastExecutions: key(whole(1, 10_000).default(2), "Executions before that share means anything"),
  windowMs: key(ms(100).default(10_000), "Time over which executions are counted", { unit: "ms" }),
  probeAfterMs: key(ms(10).default(2_000), "Time until the device is probed with the first runs", {
    unit: "ms",
  }),
});

const placement = z.strictObject({
  assumedSwitchMs: key(
    ms(1).default(1_500),
    "What giving a device another artifact is thought to take, until it was measured",
    { unit: "ms" },
  ),
  minDwellMs: key(ms().default(0), "Shortest time a device keeps what it holds", { unit: "ms" }),
  linkGroups: key(
    z
      .array(z.string().regex(/^[^=]+=[^,]+(,[^,]+)*$/, "expected NAME=DEVICE,DEVICE,..."))
      .default([]),
    "Boards with dedicated links between them, NAME=DEVICE,DEVICE,...: steps of an ensemble stay inside one group",
  ),
  agedMs: key(
    ms(1).default(30_000),
    "Age at which requests that no device could serve get one at any cost",
    { unit: "ms" },
  ),
});

const VENDOR_NAMES = ["xilinx", "intel", "nvidia", "arm", "cpu"] as const;

const registry = z.strictObject({
  folder: key(
    file().optional(),
    "Store of registered models; several gateways may share it. Without it nothing can be registered",
    { path: true },
  ),
  trustFile: key(
    file().optional(),
    "Public keys that signatures of artifacts are checked against (YAML or JSON)",
    { path: true },
  ),
  requireSignature: key(
    z.array(z.enum(VENDOR_NAMES)).default([]),
    "Vendors whose artifacts are refused without a signature",
  ),
  dropFolder: key(
    file().optional(),
    "Folders in Triton's layout that appear here are registered: <model>/<version>[/<variant>]/",
    { path: true },
  ),
  maxArtifactBytes: key(bytes(1).default(16 * 2 ** 30), "Largest artifact", { unit: "bytes" }),
  keepRetired: key(
    whole(0, 10_000).default(10),
    "Retired versions of a model that are kept; older ones are removed unless they are pinned",
  ),
  goldenRows: key(
    whole(1, 10_000_000).default(1024),
    "Rows of golden vectors that are generated where none are given",
  ),
  followMs: key(ms(50).default(500), "Time between two looks for changes of other gateways", {
    unit: "ms",
  }),
});

const redis = z.strictObject({
  url: key(
    z
      .string()
      .regex(
        /^(rediss?:\/\/[^@\s]+|unix:\/\S+)$/,
        "expected redis://host[:port][/db], rediss://… or unix:/path; a password goes into redis.passwordFile",
      )
      .optional(),
    "The Redis that several gateways share, redis://host:port/db, rediss:// for TLS, unix:/path; it holds nothing that is not made again",
  ),
  sentinels: key(
    z.array(z.string().regex(/^[^@/\s]+$/, "expected HOST or HOST:PORT")).default([]),
    "Sentinels that know the Redis, HOST:PORT, in place of the url",
  ),
  masterName: key(z.string().min(1).default("mymaster"), "What the Sentinels call it"),
  tls: key(z.boolean().default(false), "TLS to Redis and to the Sentinels"),
  caPath: key(file().optional(), "Authorities of their certificates, PEM", {
    path: true,
    defaultText: "those of Node",
  }),
  certPath: key(
    file().optional(),
    "Certificate of this gateway for them, PEM (a Redis with TLS asks for one unless tls-auth-clients says no)",
    { path: true },
  ),
  keyPath: key(file().optional(), "Private key of that certificate, PEM", { path: true }),
  username: key(z.string().min(1).optional(), "Whom Redis knows this gateway as"),
  passwordFile: key(file().optional(), "File that holds the password", { path: true }),
  sentinelPasswordFile: key(file().optional(), "File that holds the password of the Sentinels", {
    path: true,
  }),
  prefix: key(
    z
      .string()
      .regex(/^[\w.-]{1,64}$/, "expected letters, digits, _ . and -")
      .default("beamgate"),
    "Gateways with the same prefix belong together; begins the names of all keys",
  ),
  announce: key(address().optional(), "Where other gateways say that clients reach this one", {
    defaultText: "grpc.address and port",
  }),
  commandTimeoutMs: key(ms(1).default(100), "Time Redis has to answer a command", { unit: "ms" }),
  gatewayTtlMs: key(
    ms(1_000).default(3_000),
    "Time after which a gateway that is not heard of does not count any more",
    { unit: "ms" },
  ),
  shareStatistics: key(
    z.boolean().default(true),
    "ModelStatistics add up all gateways, so that they do not go back for a client that moves; off where clients choose between gateways by them",
  ),
});

const provenance = z.strictObject({
  enabled: key(
    z.boolean().default(true),
    "Answers say which artifact on which device made them, in which batch",
  ),
  explainRequests: key(
    whole(0, 1_000_000).default(2_000),
    "Requests that 'beamgate explain' can tell about: the newest of those sampled; 0: none",
  ),
  explainShare: key(
    z.number().min(0).max(1).default(1),
    "Share of the requests with an id of their own that are kept for it",
  ),
});

const tenancy = z.strictObject({
  folder: key(
    file().optional(),
    "Ledger of usage, and what is edited while the gateway runs: quotas, weights, reservations. " +
      "Several gateways may share it. Without it all of that ends with the process",
    { path: true },
  ),
  sonicPatienceMs: key(
    ms(1).default(10_000),
    "A tenant marked sonic is answered no RepositoryIndex while what it has in the gateway would take longer",
    { unit: "ms" },
  ),
  sonicStartsPerSecond: key(
    whole(1, 10_000_000).default(5),
    "While it would take more than half of that: answers a second to jobs of such a tenant that begin",
  ),
  reservationsFile: key(
    file().optional(),
    "Calendar of windows in which devices are withdrawn for a tenant (YAML): drained before, returned after",
    { path: true },
  ),
  ledgerDays: key(whole(1, 10_000_000).default(400), "Days that the ledger of usage is kept", {
    unit: "days",
  }),
});

const dashboard = z.strictObject({
  loadtests: key(
    z.boolean().default(true),
    "Operators may start the presets of `loadtest` against this gateway from its dashboard",
  ),
  loadtestFolder: key(
    file().optional(),
    "Where their reports are kept; without it they end with the process",
    { path: true, defaultText: "a temporary one" },
  ),
  loadtestsKept: key(
    whole(1, 10_000).default(20),
    "Load tests whose reports are kept; the oldest go",
  ),
  loadtestsMaxBytes: key(
    bytes(MIB).default(256 * MIB),
    "Size of all of them together; the oldest go",
    { unit: "bytes" },
  ),
});

const shadow = z.strictObject({
  minSamples: key(
    whole(1, 10_000_000).default(100),
    "Rows compared before an artifact may be demoted",
  ),
  queueRows: key(
    whole(1, 1_000_000).default(4_096),
    "Rows that wait to be replayed; further samples are dropped",
  ),
});

const backend = z.strictObject({
  kind: z.string().min(1).max(128),
  package: z.string().min(1).optional(),
  options: z.record(z.string(), z.unknown()).optional(),
});

const dialIn = z.strictObject({
  port: key(
    port().optional(),
    "Port where servers join that cannot be called, such as jobs of a batch system; 0 picks a free one",
    { defaultText: "off" },
  ),
  address: key(address().default("127.0.0.1"), "Address to listen on for them"),
  places: key(whole(1, 1024).default(4), "Servers that may have joined at a time"),
  secretFile: key(file().optional(), "What they must know, 16 bytes or more", { path: true }),
  certPath: key(file().optional(), "Certificate chain of the port, PEM; absent: no TLS", {
    path: true,
  }),
  keyPath: key(file().optional(), "Private key of the certificate, PEM", { path: true }),
});

const joining = z.strictObject({
  gateway: key(z.string().min(1).optional(), "host:port of the dial-in port to join", {
    defaultText: "none",
  }),
  name: key(z.string().min(1).max(128).optional(), "Name that its operators see", {
    defaultText: "host name and process id",
  }),
  secretFile: key(file().optional(), "The secret of that port", { path: true }),
  tls: key(z.boolean().default(false), "Join over TLS"),
  rootCertPath: key(file().optional(), "Authorities of its certificate, PEM", { path: true }),
  walltimeSecs: key(
    z.number().positive().optional(),
    "Time left to this process; it leaves and ends before",
    { unit: "s", defaultText: "none" },
  ),
  leaveSecs: key(
    z.number().positive().default(35),
    "So long before that end it begins to leave; at most half of the time left",
    { unit: "s" },
  ),
});

const log = z.strictObject({
  verbose: key(whole(0, 10).default(0), "Level of detail; 0: none"),
  info: key(z.boolean().default(true), "Write information"),
  warning: key(z.boolean().default(true), "Write warnings"),
  error: key(z.boolean().default(true), "Write errors"),
  format: key(
    z.enum(["default", "ISO8601", "json"]).default("default"),
    "default and ISO8601: Triton's lines; json: one object a line",
  ),
  file: key(file().optional(), "Write to this file instead of standard output", { path: true }),
});

const otel = z.strictObject({
  url: key(z.url().optional(), "Where spans go, OTLP over HTTP", {
    defaultText: "OTEL_EXPORTER_OTLP_ENDPOINT, else http://localhost:4318/v1/traces",
  }),
  resource: key(
    z.array(z.string().regex(/^[^=]+=/, "expected <key>=<value>")).default([]),
    "Attributes of this server, <key>=<value>",
  ),
  maxQueueSize: key(whole(1, 1_000_000).optional(), "Spans that may wait; others are dropped", {
    defaultText: "OTEL_BSP_MAX_QUEUE_SIZE, else 2048",
  }),
  scheduleDelayMs: key(ms(1).optional(), "Time between two exports", {
    unit: "ms",
    defaultText: "OTEL_BSP_SCHEDULE_DELAY, else 5000",
  }),
  maxExportBatchSize: key(whole(1, 50_000).optional(), "Spans in one export", {
    defaultText: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE, else 512",
  }),
});

const trace = z.strictObject({
  mode: key(
    z.enum(["triton", "opentelemetry"]).default("triton"),
    "triton: into a file; opentelemetry: spans for a collector",
  ),
  level: key(
    z.array(z.enum(["OFF", "TIMESTAMPS", "TENSORS"])).default(["OFF"]),
    "What is traced; OFF among others means nothing",
  ),
  rate: key(
    whole(0, INT32_MAX).default(1000),
    "One of so many requests is traced; 0: only those that a caller traces already",
  ),
  count: key(whole(-1, INT32_MAX).default(-1), "Traces still to be taken; -1: no end"),
  file: key(file().optional(), "The file of mode triton", { path: true }),
  logFrequency: key(
    whole(0, INT32_MAX).default(0),
    "Traces in one file <file>.<n>; 0: all into the one file",
  ),
  otel: otel.prefault({}),
});

const record = z.strictObject({
  file: key(
    file().optional(),
    "Record when requests come and what they ask, for `loadtest --replay`",
    { path: true },
  ),
  tensors: key(z.boolean().default(false), "Record their tensors too: the clients' data"),
  maxBytes: key(bytes(1).default(1024 * MIB), "Recording ends when the file is as long", {
    unit: "bytes",
  }),
});

export const configSchema = z.strictObject({
  grpc: grpc.prefault({}),
  http: http.prefault({}),
  metrics: metrics.prefault({}),
  repository: repository.prefault({}),
  workers: workers.prefault({}),
  server: server.prefault({}),
  auth: auth.prefault({}),
  cache: cache.prefault({}),
  rateLimit: rateLimit.prefault({}),
  backends: key(
    z.array(backend).default([]),
    "Backends beside the CPU's, and options of any: kind, package (a Node package), options",
  ),
  routing: routing.prefault({}),
  breaker: breaker.prefault({}),
  placement: placement.prefault({}),
  registry: registry.prefault({}),
  redis: redis.prefault({}),
  provenance: provenance.prefault({}),
  tenancy: tenancy.prefault({}),
  dashboard: dashboard.prefault({}),
  shadow: shadow.prefault({}),
  dialIn: dialIn.prefault({}),
  join: joining.prefault({}),
  log: log.prefault({}),
  trace: trace.prefault({}),
  record: record.prefault({}),
});

export type ConfigInput = z.input<typeof configSchema>;
/** As the schema gives it, before `settle` filled what one key takes from another. */
export type ParsedConfig = z.output<typeof configSchema>;

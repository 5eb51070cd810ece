/** All flags of `serve`: tritonserver's, and one of our own for every key that has none of those. */
import { keys } from "./keys.ts";
import { type TritonFlag, tritonFlags } from "./tritonserver-flags.ts";

export interface Flag extends TritonFlag {
  readonly meaning: string;
  /** False for flags that exist only here. */
  readonly triton: boolean;
}

/** Shorter names for keys that people type. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  "server.insecureNoAuth": "insecure-no-auth",
  "auth.tenantsFile": "tenants-file",
  "record.file": "record",
  "join.gateway": "join",
  // Triton serves HTTP without TLS only: these are like those that it has for gRPC.
  "http.tls.useSsl": "http-use-ssl",
  "http.tls.mutual": "http-use-ssl-mutual",
  "http.tls.certPath": "http-server-cert",
  "http.tls.keyPath": "http-server-key",
  "http.tls.rootCertPath": "http-root-cert",
};

/** Flags whose values name the keys. */
const SPREAD_MEANINGS: Readonly<Record<string, string>> = {
  "trace-config": "<mode>,<setting>=<value> or <setting>=<value> [trace.*]",
  "trace-level": "OFF, TIMESTAMPS or TENSORS; as --trace-config level=... [trace.level]",
  "metrics-config": "<setting>=<value>, such as summary_latencies=true [metrics.*]",
};

/** `workers.maxCpuWorkers` → `workers-max-cpu-workers` */
function flagName(key: string): string {
  return (
    OWN_NAMES[key] ?? key.replaceAll(".", "-").replace(/[A-Z]/g, (big) => `-${big.toLowerCase()}`)
  );
}

function meaningOf(flag: TritonFlag): string {
  if (flag.spread !== undefined) return SPREAD_MEANINGS[flag.name] ?? "";
  if (flag.key === undefined) return `ignored: ${flag.ignored ?? ""}`;
  const key = keys.get(flag.key);
  const unit = key?.unit === undefined ? "" : ` (${key.unit})`;
  return `${key?.meaning ?? ""}${unit} [${flag.negated === true ? "not " : ""}${flag.key}]`;
}

function ownFlags(): Flag[] {
  const covered = new Set(tritonFlags.map((flag) => flag.key));
  const taken = new Set(tritonFlags.map((flag) => flag.name));
  const own: Flag[] = [];
  for (const key of keys.values()) {
    if (covered.has(key.name) || key.kind === "object-list") continue;
    if (taken.has(flagName(key.name))) continue; // a flag of Triton's that spreads over keys
    const kind = key.kind === "boolean" || key.kind === "list" ? key.kind : "text";
    const flag = { name: flagName(key.name), kind, key: key.name } as const;
    own.push({ ...flag, meaning: meaningOf(flag), triton: false });
  }
  return own;
}

export const flags: readonly Flag[] = [
  ...tritonFlags.map((flag) => ({ ...flag, meaning: meaningOf(flag), triton: true })),
  ...ownFlags(),
];

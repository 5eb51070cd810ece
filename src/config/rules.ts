/** What one key means for another: values taken over, and combinations that are refused. */
import { BlockList, isIP } from "node:net";
import { patternProblem } from "./header-pattern.ts";
import { readRestrictions } from "./restrictions.ts";
import type { ParsedConfig } from "./schema.ts";

type Readonlyed<T> = T extends readonly (infer E)[]
  ? readonly Readonlyed<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Readonlyed<T[K]> }
    : T;

/** The whole configuration, ready to be handed out in slices. */
export type Config = Readonlyed<
  Omit<ParsedConfig, "metrics"> & {
    metrics: Omit<ParsedConfig["metrics"], "address"> & { address: string };
  }
>;

/** Fills what one key takes from another. Origins are those of the keys that were set. */
export function settle(parsed: ParsedConfig): Config {
  const { grpc, http, metrics } = parsed;
  const { responseCompression: algorithm, compressionLevel: level } = grpc;
  return {
    ...parsed,
    grpc: {
      ...grpc,
      tls: settledTls(grpc.tls),
      // Triton's flag names a level only; a client of ours may name an algorithm only.
      responseCompression: algorithm === "none" && level !== "none" ? "gzip" : algorithm,
      compressionLevel: level === "none" && algorithm !== "none" ? "medium" : level,
    },
    http: { ...http, tls: settledTls(http.tls) },
    // As in Triton: metrics are served where HTTP is.
    metrics: { ...metrics, address: metrics.address ?? http.address },
  };
}

function settledTls<T extends { useSsl: boolean; mutual: boolean }>(tls: T): T {
  return { ...tls, useSsl: tls.useSsl || tls.mutual };
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** True where only programs of this machine can connect. A name other than `localhost` may mean anything. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return address.toLowerCase() === "localhost";
  return loopback.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** `grpc.address 0.0.0.0`, ... of every listener that others than this machine can reach. */
export function exposedListeners(config: Config): string[] {
  const { grpc, http, metrics } = config;
  return Object.entries({ grpc, http, metrics })
    .filter(([, listener]) => listener.enabled && !isLoopback(listener.address))
    .map(([name, listener]) => `${name}.address ${listener.address}`);
}

/** Which groups need which header, on each port. */
export function restrictionsOf({ grpc, http }: Pick<Config, "grpc" | "http">) {
  return {
    protocols: readRestrictions(grpc.restrictedProtocols, "protocol", "triton-grpc-protocol-"),
    apis: readRestrictions(http.restrictedApis, "api", ""),
  };
}

/** Every combination that cannot be served, in words. */
export function broken(config: Config): string[] {
  const { auth, grpc, http, metrics, redis, repository, server } = config;
  const problems: string[] = [];
  const exposed = exposedListeners(config);
  if (exposed.length > 0 && auth.tenantsFile === undefined && !server.insecureNoAuth) {
    problems.push(
      `${exposed.join(", ")}: other machines could use this server, and it does not check who is ` +
        "calling. Listen on 127.0.0.1, say who may call (--tenants-file, auth.tenantsFile), or say " +
        "--insecure-no-auth (server.insecureNoAuth) where the network in front of it lets only the " +
        "right ones in",
    );
  }
  problems.push(...listenerProblems(config));
  if (server.allowClientShm) problems.push(...reachesSharedMemory(config));
  problems.push(...tlsProblems("grpc.tls", grpc.tls), ...tlsProblems("http.tls", http.tls));
  if (repository.loadModels.length > 0 && repository.controlMode !== "explicit") {
    problems.push(
      "repository.loadModels: --load-model needs --model-control-mode=explicit " +
        `(it is ${repository.controlMode}, which loads every model)`,
    );
  }
  for (const root of repository.roots) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(root)) {
      problems.push(
        `repository.roots: ${root} is not a folder; mount the storage and name its path`,
      );
    }
  }
  const { protocols, apis } = restrictionsOf(config);
  problems.push(...protocols.problems.map((problem) => `grpc.restrictedProtocols: ${problem}`));
  problems.push(...apis.problems.map((problem) => `http.restrictedApis: ${problem}`));
  for (const [name, { headerForwardPattern }] of Object.entries({ grpc, http })) {
    const problem = patternProblem(headerForwardPattern);
    if (problem !== undefined) problems.push(`${name}.headerForwardPattern: ${problem}`);
  }
  problems.push(...dialInProblems(config));
  const dialIn = { ...config.dialIn, enabled: config.dialIn.port !== undefined };
  const named = auth.listeners.flatMap(({ grpcPort: port }, at) =>
    port === undefined ? [] : [[`auth.listeners.${at}`, { ...grpc, port }] as const],
  );
  problems.push(
    ...samePorts({
      ...{ grpc, http, metrics, dialIn: { ...dialIn, port: dialIn.port ?? 0 } },
      ...Object.fromEntries(named),
    }),
  );
  if (redis.url !== undefined && redis.sentinels.length > 0) {
    problems.push(
      "redis.url, redis.sentinels: one of them says where Redis is; leave the other out",
    );
  }
  if ((redis.certPath === undefined) !== (redis.keyPath === undefined)) {
    problems.push("redis.certPath, redis.keyPath: a certificate is of no use without its key");
  }
  if (!grpc.enabled && !http.enabled) {
    problems.push("grpc.enabled, http.enabled: both are off, so nothing could be served");
  }
  return problems;
}

function tlsProblems(section: string, tls: Config["grpc"]["tls"]): string[] {
  if (!tls.useSsl) return [];
  const problems: string[] = [];
  for (const name of ["certPath", "keyPath"] as const) {
    if (tls[name] === undefined) problems.push(`${section}.${name}: needed with TLS`);
  }
  if (tls.mutual && tls.rootCertPath === undefined) {
    problems.push(`${section}.rootCertPath: needed with mutual TLS, to check clients against`);
  }
  return problems;
}

/** Servers join over networks that nobody watches: never without a secret. */
function dialInProblems({ dialIn, join }: Config): string[] {
  const problems: string[] = [];
  if (dialIn.port !== undefined && dialIn.secretFile === undefined) {
    problems.push("dialIn.secretFile: needed with dialIn.port, or anybody could answer requests");
  }
  if ((dialIn.certPath === undefined) !== (dialIn.keyPath === undefined)) {
    problems.push("dialIn.certPath, dialIn.keyPath: a certificate is of no use without its key");
  }
  if (join.gateway === undefined) return problems;
  if (!/^(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):[0-9]{1,5}$/.test(join.gateway)) {
    problems.push(`join.gateway: '${join.gateway}' is not host:port (IPv6: [::1]:8003)`);
  }
  if (join.secretFile === undefined) {
    problems.push("join.secretFile: needed with join.gateway; it holds the secret of its port");
  }
  return problems;
}

/** Credentials that can be read on their way: one line for each listener that others can reach. */
export function plainCredentials(config: Config): string[] {
  if (config.auth.tenantsFile === undefined) return [];
  const { grpc, http } = config;
  return exposedListeners(config)
    .filter((listener) => !(grpc.tls.useSsl && listener.startsWith("grpc.")))
    .filter((listener) => !(http.tls.useSsl && listener.startsWith("http.")))
    .map(
      (listener) => `${listener} is without TLS: tokens and keys can be read on their way to it`,
    );
}

function listenerProblems({ auth, grpc, http }: Config): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  if (auth.listeners.length > 0 && auth.tenantsFile === undefined) {
    problems.push(
      "auth.listeners: they mean nothing without auth.tenantsFile, which says whose they are",
    );
  }
  for (const [at, { name, grpcPort, serverName }] of auth.listeners.entries()) {
    const place = `auth.listeners.${at}`;
    if (names.has(name)) problems.push(`${place}.name: there is a listener '${name}' already`);
    names.add(name);
    if ((grpcPort === undefined) === (serverName === undefined)) {
      problems.push(`${place}: expected either grpcPort or serverName`);
    }
    if (serverName !== undefined && !grpc.tls.useSsl && !http.tls.useSsl) {
      problems.push(
        `${place}.serverName: clients tell it in TLS only; serve it with grpc.tls or http.tls`,
      );
    }
  }
  return problems;
}

/** Whoever may register a region makes this server read and write a file of his choice in /dev/shm. */
function reachesSharedMemory({ grpc, http }: Config): string[] {
  const exposed = Object.entries({ grpc, http })
    .filter(([, listener]) => listener.enabled && !isLoopback(listener.address))
    .map(([name, listener]) => `${name}.address ${listener.address}`);
  if (exposed.length === 0) return [];
  return [
    `server.allowClientShm: ${exposed.join(", ")} lets other machines name memory of this one. ` +
      "Listen on 127.0.0.1, or leave --allow-client-shm out",
  ];
}

interface Listener {
  readonly enabled: boolean;
  readonly address: string;
  readonly port: number;
}

function samePorts(listeners: Readonly<Record<string, Listener>>): string[] {
  const taken = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, { enabled, address, port }] of Object.entries(listeners)) {
    if (!enabled || port === 0) continue;
    const place = `${address}:${port}`;
    const other = taken.get(place);
    if (other !== undefined) problems.push(`${name}.port: ${other}.port is ${place} already`);
    taken.set(place, name);
  }
  return problems;
}

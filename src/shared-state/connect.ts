/** Connections to Redis that fail fast: nothing waits for a Redis that is away, not even in a queue. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { Redis, type RedisOptions } from "ioredis";
import { StatusError } from "../errors.ts";
import type { RedisSettings } from "./settings.ts";

type Options = Omit<RedisOptions, "replyMapping">;

/** A connection on which nothing comes for so long after a command is given up: its Redis hangs, ms. */
const SILENT_MS = 1_000;
const CONNECT_MS = 1_000;
const FIRST_RETRY_MS = 50;
/** Redis is back for at most this long before it is noticed, ms. */
const LONGEST_RETRY_MS = 200;
/** A Redis that does not take the password writes each attempt down, ms. */
const REFUSED_RETRY_MS = 2_000;

/** Beside the settings. */
export interface ClientOptions {
  /** Commands wait as long as the connection lasts: whoever sends them looks at the time. */
  readonly untimed?: boolean;
}

/** Not connected yet. @throws StatusError INVALID_ARGUMENT naming the key, where a file or the address cannot be read */
export function redisClient(settings: RedisSettings, { untimed = false }: ClientOptions = {}) {
  let refused = false;
  const client: Redis = new Redis({
    ...{ ...patience(), ...place(settings), ...credentials(settings) },
    ...(untimed ? {} : { commandTimeout: settings.commandTimeoutMs }),
    retryStrategy: (attempt) => {
      renew(client, settings);
      return refused ? REFUSED_RETRY_MS : backOff(attempt);
    },
  });
  // Whoever asks is told by the command; an emitter without a listener would end the process.
  client.on("error", ({ message }: Error) => {
    refused = /^(WRONGPASS|NOAUTH|NOPERM)/.test(message);
  });
  return client;
}

/** A password that was replaced counts with the next connection. */
function renew({ options }: Redis, settings: RedisSettings): void {
  try {
    Object.assign(options, credentials(settings));
  } catch {
    // It is just being replaced: the old one is tried once more.
  }
}

function patience(): Options {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Its own way rejects into nowhere when the connection goes at that moment; `Link.subscribe` does it.
    autoResubscribe: false,
    socketTimeout: SILENT_MS,
    connectTimeout: CONNECT_MS,
    sentinelCommandTimeout: CONNECT_MS,
    sentinelRetryStrategy: backOff,
    // A master that became a replica: the connection to it is of no use.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    protocol: 2,
    disableClientInfo: true,
  };
}

const backOff = (attempt: number) =>
  Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10));

function place(settings: RedisSettings): Options {
  const { url, sentinels, masterName } = settings;
  const tls = tlsOf(settings);
  if (sentinels.length > 0) {
    const secured = tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true };
    return { sentinels: sentinels.map(hostAndPort), name: masterName, ...secured };
  }
  if (url?.startsWith("unix:")) return { path: url.slice("unix:".length).replace(/^\/\/\//, "/") };
  const { hostname, port, pathname } = new URL(url ?? "");
  const host = hostname.replace(/^\[|\]$/g, "");
  return {
    host,
    port: port === "" ? 6379 : Number(port),
    db: Number(pathname.slice(1) || 0),
    // An address is no name that a client may call (RFC 6066); it is compared all the same.
    ...(tls && { tls: isIP(host) === 0 ? { ...tls, servername: host } : tls }),
  };
}

interface TlsOfRedis {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

function tlsOf({ url, tls, caPath, certPath, keyPath }: RedisSettings): TlsOfRedis | undefined {
  if (!tls && !url?.startsWith("rediss:")) return undefined;
  return {
    ...(caPath !== undefined && { ca: readFile("redis.caPath", caPath) }),
    ...(certPath !== undefined && { cert: readFile("redis.certPath", certPath) }),
    ...(keyPath !== undefined && { key: readFile("redis.keyPath", keyPath) }),
  };
}

function credentials(settings: RedisSettings): Options {
  const { username, passwordFile, sentinelPasswordFile } = settings;
  return {
    ...(username !== undefined && { username }),
    ...(passwordFile !== undefined && { password: readPassword("passwordFile", passwordFile) }),
    ...(sentinelPasswordFile !== undefined && {
      sentinelPassword: readPassword("sentinelPasswordFile", sentinelPasswordFile),
    }),
  };
}

const readPassword = (key: string, path: string) =>
  readFile(`redis.${key}`, path).toString("utf8").trim();

function readFile(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StatusError("INVALID_ARGUMENT", `${key}: ${reason}`, { cause });
  }
}

function hostAndPort(written: string): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${written}`);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 26_379 : Number(port) };
}

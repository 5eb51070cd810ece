/** Servers that dial in, and this gateway as one of them: both ends as the configuration has them. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/load.ts";
import { DialIn } from "../dial-in/dial-in.ts";
import { Join, type JoinParts } from "../dial-in/join.ts";
import { StatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BackendSource } from "../workers/words.ts";

/** Shorter ones could be guessed. */
const LEAST_SECRET_BYTES = 16;

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
}

/** undefined: there is no such port. @throws StatusError INVALID_ARGUMENT naming a file that is wrong */
export function dialInOf(slice: Config["dialIn"], parts: Surroundings): DialIn | undefined {
  const { port, address, places, secretFile = "", certPath, keyPath } = slice;
  if (port === undefined) return undefined;
  return new DialIn({
    ...{ port, address, places, ...parts },
    secret: secretOf(secretFile, "dialIn.secretFile"),
    ...(certPath !== undefined &&
      keyPath !== undefined && {
        tls: { cert: read(certPath, "dialIn.certPath"), key: read(keyPath, "dialIn.keyPath") },
      }),
  });
}

/** undefined: this gateway is called, it does not call. @throws as `dialInOf` */
export function joinOf(
  slice: Config["join"],
  parts: Pick<JoinParts, "serve" | "over"> & Surroundings,
): Join | undefined {
  const { gateway, name, secretFile = "", tls, rootCertPath, walltimeSecs, leaveSecs } = slice;
  if (gateway === undefined) return undefined;
  return new Join({
    ...{ gateway, ...parts },
    serverName: name ?? `${hostname()}:${process.pid}`,
    secret: secretOf(secretFile, "join.secretFile"),
    ...(tls && {
      tls: { ...(rootCertPath !== undefined && { ca: read(rootCertPath, "join.rootCertPath") }) },
    }),
    ...(walltimeSecs !== undefined && { stayMs: walltimeSecs * 1000 }),
    leaveMs: leaveSecs * 1000,
  });
}

/**
 * The backends with the places of servers that dial in among the servers of `remote`. A
 * configuration that does not name that backend gets it, with discovery: what those serve appears here.
 * @throws StatusError INVALID_ARGUMENT where it names its servers by one name of several addresses
 */
export function withPlaces(
  configured: readonly BackendSource[],
  places: readonly string[],
): readonly BackendSource[] {
  const remote = configured.find(({ kind }) => kind === "remote");
  if (remote === undefined) {
    return [...configured, { kind: "remote", options: { servers: places, discover: true } }];
  }
  const options = (remote.options ?? {}) as { readonly servers?: unknown };
  const { servers = [] } = options;
  if (!Array.isArray(servers)) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      "backends: the servers of remote must be a list where servers dial in too (dialIn.port)",
    );
  }
  const all = { ...remote, options: { ...options, servers: [...servers, ...places] } };
  return configured.map((source) => (source === remote ? all : source));
}

/** Id of the device that the backend `remote` sees on a place. */
export function deviceOf(place: string): string {
  return `remote:${place}`;
}

function secretOf(path: string, key: string): Buffer {
  const secret = Buffer.from(read(path, key).toString().trim());
  if (secret.length >= LEAST_SECRET_BYTES) return secret;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `${key}: ${path} holds ${secret.length} bytes; at least ${LEAST_SECRET_BYTES} are needed, ` +
      "such as those of 'openssl rand -hex 32'",
  );
}

function read(path: string, key: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StatusError("INVALID_ARGUMENT", `${key}: ${reason}`, { cause });
  }
}

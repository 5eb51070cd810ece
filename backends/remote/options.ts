/** What the configuration says about far servers: `backends: [{ kind: remote, options }]`. */
import { readFileSync } from "node:fs";
import { BackendError } from "../contract.ts";

export interface RemoteOptions {
  /** `host:port`, or `NAME=unix:PATH`, each; or one name whose every address is a server. */
  readonly servers: readonly string[] | string;
  /** Names of far models that are discovered, `*` for any part of a name. */
  readonly models: readonly string[];
  readonly tls: TlsOptions | undefined;
  /** Sent with every call. May be secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time one call may take. */
  readonly timeoutMs: number;
  /** Between two questions whether a model is ready. */
  readonly healthMs: number;
  /** Requests on their way to one server at a time, a model; absent: as many as it has instances there. */
  readonly maxInFlight: number | undefined;
  /** Models of the far servers appear here under their names. */
  readonly discover: boolean;
  /** What the devices are said to be; absent: what the server says of itself. */
  readonly vendor: string | undefined;
  readonly platform: string | undefined;
}

export interface TlsOptions {
  /** PEM; absent: the authorities that Node trusts. */
  readonly rootCert: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** Name that the certificate must have, where it is not the address. */
  readonly serverName: string | undefined;
}

const KEYS = [
  "servers",
  "models",
  "tls",
  "headers",
  "timeoutMs",
  "healthMs",
  "maxInFlight",
  "discover",
  "vendor",
  "platform",
] as const;
const TLS_KEYS = ["rootCert", "cert", "key", "serverName"] as const;

/** @throws BackendError `internal` naming the option and what it must be; never with the value of a header */
export function readOptions(given: unknown): RemoteOptions {
  const options = fieldsOf(given, "options", KEYS);
  return {
    servers: servers(options.servers),
    models: texts(options.models ?? ["*"], "models"),
    tls: options.tls === undefined ? undefined : tls(options.tls),
    headers: headers(options.headers ?? {}),
    timeoutMs: whole(options.timeoutMs ?? 30_000, "timeoutMs", 1, 3_600_000),
    healthMs: whole(options.healthMs ?? 1_000, "healthMs", 10, 3_600_000),
    maxInFlight:
      options.maxInFlight === undefined
        ? undefined
        : whole(options.maxInFlight, "maxInFlight", 1, 256),
    discover: flag(options.discover ?? false, "discover"),
    vendor: optionalText(options.vendor, "vendor"),
    platform: optionalText(options.platform, "platform"),
  };
}

function servers(value: unknown): readonly string[] | string {
  if (typeof value === "string") return address(value, "servers");
  if (!Array.isArray(value)) {
    throw wrong(
      "servers",
      'must be a list of "host:port", or one such text for a name with several addresses',
    );
  }
  const list = value.map((each, i) => (isLocal(each) ? each : address(each, `servers[${i}]`)));
  const twice = list.find((each, i) => list.indexOf(each) !== i);
  if (twice !== undefined) throw wrong("servers", `names ${twice} twice`);
  return list;
}

/** A server of this machine. */
function isLocal(value: unknown): value is string {
  return typeof value === "string" && /^[\w.-]+=unix:\/./.test(value);
}

function address(value: unknown, place: string): string {
  if (typeof value === "string" && /^(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):[0-9]{1,5}$/.test(value)) {
    const port = Number(value.slice(value.lastIndexOf(":") + 1));
    if (port >= 1 && port <= 65_535) return value;
  }
  throw wrong(place, `must be "host:port" (IPv6: "[::1]:8001"), not ${shown(value)}`);
}

function tls(value: unknown): TlsOptions {
  const fields = fieldsOf(value, "tls", TLS_KEYS);
  const cert = pem(fields.cert, "tls.cert");
  const key = pem(fields.key, "tls.key");
  if ((cert === undefined) !== (key === undefined)) {
    throw wrong("tls", "needs cert and key together: a certificate is of no use without its key");
  }
  const rootCert = pem(fields.rootCert, "tls.rootCert");
  return { rootCert, cert, key, serverName: optionalText(fields.serverName, "tls.serverName") };
}

function pem(value: unknown, place: string): Buffer | undefined {
  const path = optionalText(value, place);
  if (path === undefined) return undefined;
  return readFile(path, place);
}

/** A value is a text, or `{ file }` whose first line it is. */
function headers(value: unknown): Readonly<Record<string, string>> {
  const read = (header: unknown, place: string) => {
    if (typeof header === "string") return header;
    const path = optionalText(fieldsOf(header, place, ["file"]).file, `${place}.file`);
    if (path === undefined) throw wrong(place, "must be a text or { file: <path> }");
    return readFile(path, `${place}.file`).toString().split("\n", 1)[0]?.trim() ?? "";
  };
  return Object.fromEntries(
    Object.entries(objectOf(value, "headers")).map(([name, header]) => {
      const place = `headers.${name}`;
      if (!/^[a-z0-9_.-]+$/.test(name) || name.startsWith("grpc-") || name.endsWith("-bin")) {
        throw wrong(
          place,
          "is no name of a header: lower-case letters, digits, - _ . ; not grpc-*, not *-bin",
        );
      }
      const text = read(header, place);
      if (/^[\x20-\x7e]+$/.test(text)) return [name, text];
      throw wrong(place, "has a value that is empty or holds more than printable ASCII");
    }),
  );
}

function readFile(path: string, place: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : "unknown error";
    throw wrong(place, `cannot be read from ${path}: ${code}`);
  }
}

function fieldsOf<K extends string>(
  value: unknown,
  place: string,
  known: readonly K[],
): Readonly<Partial<Record<K, unknown>>> {
  const object = objectOf(value, place);
  const strange = Object.keys(object).find((key) => !(known as readonly string[]).includes(key));
  if (strange === undefined) return object as Partial<Record<K, unknown>>;
  throw wrong(place, `has no key "${strange}"; there are ${known.join(", ")}`);
}

function objectOf(value: unknown, place: string): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong(place, "must be an object");
}

function texts(value: unknown, place: string): readonly string[] {
  const isText = (each: unknown) => typeof each === "string" && each !== "";
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return value;
  throw wrong(place, "must be a list of names, with * for any part of one");
}

function optionalText(value: unknown, place: string): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw wrong(place, "must be a text");
}

function whole(value: unknown, place: string, least: number, most: number): number {
  const fits = typeof value === "number" && Number.isInteger(value);
  if (fits && value >= least && value <= most) return value;
  throw wrong(place, `must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

function flag(value: unknown, place: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(place, `must be true or false, not ${shown(value)}`);
}

const shown = (value: unknown) => (JSON.stringify(value) ?? String(value)).slice(0, 100);

function wrong(place: string, what: string): BackendError {
  return new BackendError("internal", `backend remote: option ${place} ${what}`);
}

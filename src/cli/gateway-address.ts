/** Which gateway a command asks, and as whom: `--url`, `--config`, `--token`, `--cert`, and the environment. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { Option } from "commander";
import {
  type ClientTls,
  readClientTls,
  TLS_VARIABLES,
  type TlsFlags,
  tlsOptions,
} from "./client-tls.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { checked, discoverToken } from "./token.ts";

export interface GatewayOptions extends TlsFlags {
  readonly url?: string;
  readonly config?: string;
  readonly token?: string;
  readonly apiKeyFile?: string;
}

export interface GatewayAddress {
  readonly url: URL;
  readonly token?: string;
  /** Shown in its place where there is no token. */
  readonly apiKey?: string;
  /** Of https. */
  readonly tls?: ClientTls;
}

/** What the configuration says where nobody configured anything. */
const DEFAULT_URL = "http://127.0.0.1:8000";
const URL_VARIABLE = "BEAMGATE_URL";
/** Those of the command line alone: they configure no gateway. */
const KEY_VARIABLE = "BEAMGATE_API_KEY_FILE";
const CLIENT_VARIABLES = [URL_VARIABLE, "BEAMGATE_USER", KEY_VARIABLE, ...TLS_VARIABLES];

export function gatewayOptions(): readonly Option[] {
  const config = new Option("--config <file>", "its configuration, which says where it listens");
  return [...namingOptions(), config];
}

/** For commands to which `--config` means something else. */
export function namingOptions(): readonly Option[] {
  return [
    new Option("--url <url>", `the gateway: host:port or http(s)://… (default: ${URL_VARIABLE})`),
    new Option(
      "--token <token>",
      "bearer token (default: BEARER_TOKEN, BEARER_TOKEN_FILE, bt_u<uid> of WLCG)",
    ),
    new Option("--api-key-file <file>", `file with an API key (default: ${KEY_VARIABLE})`),
    ...tlsOptions(),
  ];
}

/** Reads no configuration where nobody wrote one: its schema takes as long as everything else. */
export async function gatewayAddress(options: GatewayOptions, io: Io): Promise<GatewayAddress> {
  const named = options.url ?? (io.env[URL_VARIABLE] || undefined);
  const url = parsed(named ?? (await configuredUrl(options, io.env)));
  const encrypted = url.protocol === "https:";
  const place = encrypted ? { url, tls: await readClientTls(options, io.env) } : { url };
  const { cacert, cert, key } = options;
  if (!encrypted && (cacert ?? cert ?? key) !== undefined) {
    const text = `--cacert, --cert and --key are for https, and this is ${url.origin}`;
    throw new CliError(Exit.usage, text);
  }
  if (options.token !== undefined) {
    return { ...place, token: checked(options.token, "--token").token };
  }
  const shown = await credentialOf(options, io.env);
  if (shown === undefined) return place;
  const { from, ...credential } = shown;
  if (encrypted || isLoopback(url.hostname)) return { ...place, ...credential };
  const remedy = "token" in credential ? "use https, or say --token" : "use https";
  io.err(
    `warning: the ${"token" in credential ? "token" : "API key"} of ${from} is not sent to ${url.host}, because everybody on the way ` +
      `could read it: ${remedy}\n`,
  );
  return place;
}

/** A key that was named, else a token that is found. */
async function credentialOf({ apiKeyFile }: GatewayOptions, env: NodeJS.ProcessEnv) {
  const path = apiKeyFile ?? (env[KEY_VARIABLE] || undefined);
  if (path === undefined) return discoverToken(env);
  const from = apiKeyFile === undefined ? KEY_VARIABLE : "--api-key-file";
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new CliError(Exit.usage, `${from} cannot be read: ${cause.message}`, { cause });
  });
  const apiKey = text.trim();
  if (/^[\x21-\x7e]{1,1024}$/.test(apiKey)) return { apiKey, from };
  throw new CliError(Exit.usage, `${from}: '${path}' holds no API key`);
}

/** True where the user said which gateway; else this host alone is meant. */
export function isNamed({ url }: GatewayOptions, { env }: Io): boolean {
  return (url ?? env[URL_VARIABLE] ?? "") !== "";
}

async function configuredUrl({ config: file }: GatewayOptions, env: NodeJS.ProcessEnv) {
  const configures = (name: string) =>
    name.startsWith("BEAMGATE_") && !CLIENT_VARIABLES.includes(name);
  if (file === undefined && !Object.keys(env).some(configures)) return DEFAULT_URL;
  const { loadForClient } = await import("./client-config.ts");
  const { address, port, tls } = loadForClient(file, env).http;
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const scheme = tls.useSsl ? "https" : "http";
  return host.includes(":") ? `${scheme}://[${host}]:${port}` : `${scheme}://${host}:${port}`;
}

function parsed(written: string): URL {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url?.hostname && /^https?:$/.test(url.protocol)) return url;
  const expected = "expected host:port, or http:// or https:// and that";
  throw new CliError(Exit.usage, `'${written}' is no address of a gateway: ${expected}`);
}

function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

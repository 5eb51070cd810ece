/** Whom a command trusts over HTTPS, and what it shows of itself: `--cacert`, `--cert`, `--key`, and the environment. */
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { Option } from "commander";
import { CliError, Exit } from "./io.ts";

export interface TlsFlags {
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What Node's client is told; PEM. */
export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const VARIABLES = {
  cacert: "BEAMGATE_CACERT",
  cert: "BEAMGATE_CERT",
  key: "BEAMGATE_KEY",
} as const satisfies Record<keyof TlsFlags, string>;

export const TLS_VARIABLES: readonly string[] = Object.values(VARIABLES);

export function tlsOptions(): readonly Option[] {
  return [
    new Option("--cacert <file>", "https: PEM of whom to trust (default: BEAMGATE_CACERT)"),
    new Option("--cert <file>", "https: PEM of your certificate (default: BEAMGATE_CERT)"),
    new Option("--key <file>", "https: PEM of its key (default: BEAMGATE_KEY, or in --cert)"),
  ];
}

/** @throws CliError for a file that cannot be read, or does not fit the others */
export async function readClientTls(flags: TlsFlags, env: NodeJS.ProcessEnv): Promise<ClientTls> {
  const [ca, cert, key] = await Promise.all([
    read(flags, "cacert", env),
    read(flags, "cert", env),
    read(flags, "key", env),
  ]);
  if (key !== undefined && cert === undefined) {
    throw new CliError(
      Exit.usage,
      "a key is of no use without its certificate: name it with --cert",
    );
  }
  const own = cert && { cert, key: key ?? cert };
  const tls = { ...(ca && { ca }), ...own };
  try {
    createSecureContext(tls);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const text = `--cacert, --cert and --key cannot be used together: ${reason}`;
    throw new CliError(Exit.usage, text, { cause });
  }
  return tls;
}

async function read(
  flags: TlsFlags,
  name: keyof TlsFlags,
  env: NodeJS.ProcessEnv,
): Promise<Buffer | undefined> {
  const path = flags[name] ?? (env[VARIABLES[name]] || undefined);
  if (path === undefined) return undefined;
  const from = flags[name] === undefined ? VARIABLES[name] : `--${name}`;
  const text = await readFile(path).catch((cause: Error) => {
    throw new CliError(Exit.usage, `${from} cannot be read: ${cause.message}`, { cause });
  });
  if (text.includes("-----BEGIN ")) return text;
  throw new CliError(Exit.usage, `${from}: '${path}' is no PEM file`);
}

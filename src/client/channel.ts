/** Where the server is, and what is shown to it. */
import { isIP } from "node:net";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import type { CallOptions, ClientOptions } from "./options.ts";

const DEFAULT_PORT = 8001;

export interface Address {
  /** As grpc-js takes it. */
  readonly target: string;
  readonly secure: boolean;
  /** True where nothing leaves this machine. */
  readonly local: boolean;
}

/**
 * @param url `host`, `host:port`, `grpc://…`, `grpcs://…` (TLS) or `unix:PATH`
 * @throws TypeError where it is none of them
 */
export function parseAddress(url: string): Address {
  if (url.startsWith("unix:")) return { target: url, secure: false, local: true };
  const whole = url.includes("://") ? url : `grpc://${url}`;
  const parsed = URL.canParse(whole) ? new URL(whole) : undefined;
  const known = parsed?.protocol === "grpc:" || parsed?.protocol === "grpcs:";
  if (parsed === undefined || !known || parsed.hostname === "" || !/^\/?$/.test(parsed.pathname)) {
    throw new TypeError(`'${url}' is no address: expected host:port, grpc://… or grpcs://…`);
  }
  return {
    target: `${parsed.hostname}:${parsed.port || DEFAULT_PORT}`,
    secure: parsed.protocol === "grpcs:",
    local: isLocal(parsed.hostname.replace(/^\[|\]$/g, "")),
  };
}

/** Connects with the first call. @throws TypeError where credentials would be readable on their way */
export function openChannel(address: Address, options: ClientOptions): Client {
  const { tls, token, apiKey, plaintextCredentials = false } = options;
  const secure = address.secure || tls !== undefined;
  const shows = token !== undefined || apiKey !== undefined;
  if (shows && !secure && !address.local && !plaintextCredentials) {
    throw new TypeError(
      `a token or key for ${address.target} could be read on its way: use tls or grpcs://, or say plaintextCredentials`,
    );
  }
  return new Client(address.target, secure ? tlsOf(options) : credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    ...(tls?.serverName === undefined
      ? {}
      : {
          "grpc.ssl_target_name_override": tls.serverName,
          "grpc.default_authority": tls.serverName,
        }),
    ...(options.ownConnection ? { "grpc.use_local_subchannel_pool": 1 } : {}),
  });
}

/** @throws whatever getting a token throws */
export async function metadataFor(options: ClientOptions, call: CallOptions): Promise<Metadata> {
  const metadata = new Metadata();
  for (const headers of [options.headers, call.headers]) {
    for (const [name, value] of Object.entries(headers ?? {})) metadata.set(name, value);
  }
  const { token, apiKey } = options;
  if (apiKey !== undefined) metadata.set("x-api-key", apiKey);
  if (token !== undefined) {
    metadata.set("authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
  }
  return metadata;
}

function tlsOf({ tls }: ClientOptions): ChannelCredentials {
  const buffer = (pem: Uint8Array | undefined) => (pem === undefined ? null : Buffer.from(pem));
  return credentials.createSsl(buffer(tls?.ca), buffer(tls?.key), buffer(tls?.cert));
}

function isLocal(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

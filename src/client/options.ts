/** What a client is made with, and what a call may say of its own. */
import type { RetryOptions } from "./retry.ts";

export interface Tls {
  /** PEM of the authorities; absent: those of Node. */
  readonly ca?: Uint8Array;
  /** PEM of the certificate that names this client, and of its key; both or none. */
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** The name that the server's certificate must have, where it is not the one in the address. */
  readonly serverName?: string;
}

export interface ClientOptions {
  /** Absent: plain text, or with Node's authorities where the address begins with grpcs://. */
  readonly tls?: Tls;
  /** Bearer token, or what gets one; asked for every attempt, so that it may be a fresh one. */
  readonly token?: string | (() => string | Promise<string>);
  /** Goes out as `x-api-key`. */
  readonly apiKey?: string;
  /** Sends a token or a key to another machine without TLS, where everybody on the way reads it. */
  readonly plaintextCredentials?: boolean;
  /** Metadata of every call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of calls that say nothing else, ms; default 60 000. Loading and unloading models has none. */
  readonly timeoutMs?: number;
  /** `false`: none is made again. Laid over the defaults: 4 attempts, 100 ms doubled up to 5 s. */
  readonly retry?: Partial<RetryOptions> | false;
  /** A connection of its own, not shared with other clients of this process. */
  readonly ownConnection?: boolean;
}

export interface CallOptions {
  /** Deadline of the call with all its attempts; the server knows it, too. 0: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

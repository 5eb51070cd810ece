/**
 * The HTTP/2 connection to one far server: made when it is needed, made anew when it is gone.
 * Node's own client, because a gRPC library costs a small batch more than the batch itself.
 */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type Http2Session,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { connect as connectSocket } from "node:net";
import type { TlsOptions } from "../options.ts";
import { CallFailed } from "./status.ts";

/** A server that does not take a connection within this time is away. */
const CONNECT_MS = 5_000;
/** Bytes that the server may send unasked: outputs come at one go. */
const STREAM_WINDOW_BYTES = 4 * 2 ** 20;
const CONNECTION_WINDOW_BYTES = 16 * 2 ** 20;

export interface ConnectionParts {
  /** `host:port`, or a name where there is a `path`. */
  readonly address: string;
  /** Of a unix socket. */
  readonly path: string | undefined;
  /** That the address was found under. */
  readonly name: string | undefined;
  /** Not with a `path`. */
  readonly tls: TlsOptions | undefined;
}

export class Connection {
  readonly #url: string;
  readonly #options: SecureClientSessionOptions;
  readonly #authority: string;
  /** By a unix socket: there may be a socket where nobody stands, a place for a server that dials in. */
  readonly #isPlace: boolean;
  readonly #spoke = new WeakSet<Http2Session>();
  #session: ClientHttp2Session | undefined;
  /** When the server was last heard of on this connection, monotonic ms. */
  #heardAt = 0;
  #closed = false;

  constructor({ address, path, name, tls }: ConnectionParts) {
    this.#url = `${tls ? "https" : "http"}://${address}`;
    this.#authority =
      name === undefined ? address : `${name}${address.slice(address.lastIndexOf(":"))}`;
    this.#isPlace = path !== undefined;
    const servername = tls?.serverName ?? name;
    this.#options = {
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      ...(path !== undefined && { createConnection: () => connectSocket(path) }),
      ...(tls?.rootCert && { ca: tls.rootCert }),
      ...(tls?.cert && { cert: tls.cert }),
      ...(tls?.key && { key: tls.key }),
      ...(servername === undefined ? {} : { servername }),
    };
  }

  /** @throws CallFailed UNAVAILABLE where it was closed */
  open(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    if (this.#closed) throw new CallFailed("UNAVAILABLE", "the connection was closed");
    return this.#current().request({ ":authority": this.#authority, ...headers });
  }

  /** Whether a connection that broke was one to a place where nobody stands. */
  vacant(session: Http2Session | undefined): boolean {
    return this.#isPlace && session !== undefined && !this.#spoke.has(session);
  }

  /** Something came from the server. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** A call timed out: a connection on which nothing came since is dead, however alive it looks. */
  timedOut(begunAt: number): void {
    if (this.#heardAt < begunAt) this.#session?.destroy();
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
  }

  #current(): ClientHttp2Session {
    const known = this.#session;
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connect(this.#url, this.#options);
    const giveUp = setTimeout(() => {
      session.destroy(new Error(`no connection within ${CONNECT_MS} ms`));
    }, CONNECT_MS);
    session.once("connect", () => {
      clearTimeout(giveUp);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    session.once("remoteSettings", () => this.#spoke.add(session));
    session.once("close", () => clearTimeout(giveUp));
    // What is under way is still answered; what comes next goes to another connection.
    session.once("goaway", () => session.close());
    // Its calls are told; they are who minds.
    session.on("error", () => {});
    this.#session = session;
    return session;
  }
}

/** What makes an HTTP listener an HTTPS one: its files, which are read again while it serves, and its handshakes. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { Logger } from "../logger.ts";
import { watchHandshakes } from "../tenants/tls/handshakes.ts";
import { handshakeRules, outOfTime, readTls, type TlsOptions } from "../tenants/tls/tls-files.ts";

export class Secure {
  readonly #options: TlsOptions;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
  #server: TlsServer | undefined;

  constructor(options: TlsOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** For Node's server, which gets its certificate with the first `reload`. */
  get rules(): ReturnType<typeof handshakeRules> {
    return handshakeRules(this.#options, ["http/1.1"]);
  }

  /** @param server one of `node:https` */
  attach(server: Server): void {
    this.#server = server as unknown as TlsServer;
    watchHandshakes(this.#server, "HTTP", this.#log);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Reads the files, for new connections. @throws TlsFileError; then what was read before still counts */
  reload(): void {
    const read = readTls(this.#options, "http.tls");
    const trouble = outOfTime(read, Date.now());
    if (trouble) this.#log.warn(`the certificate '${this.#options.certPath}': ${trouble}`);
    this.#server?.setSecureContext(read);
  }

  /** Also those that never got beyond their handshake, which the HTTP server does not know. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The event of a server that brings connections on which HTTP can be spoken. */
export function connectionEvent(server: Server): "connection" | "secureConnection" {
  return server instanceof TlsServer ? "secureConnection" : "connection";
}

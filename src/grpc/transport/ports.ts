/** The ports of a gRPC server, plain or TLS: opened together or not at all, each socket handed over with its listener. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { TlsOptions } from "../../tenants/tls/tls-files.ts";
import { readPortTls, tlsServer } from "./tls-server.ts";

/** Connections that may wait to be accepted: those of two seconds in which thousands come (Node's own is 511). */
const BACKLOG = 4096;

/** A port, whose connections are known by a name; the main one has none. */
export interface PortSpec {
  readonly name: string | undefined;
  /** 0: any free port. */
  readonly port: number;
}

export interface PortsOptions {
  readonly address: string;
  readonly ports: readonly PortSpec[];
  readonly tls?: TlsOptions | undefined;
  /** Connections of a port beyond this number are closed at once; absent: no limit. */
  readonly maxConnections?: number | undefined;
  /** Nothing is read of a connection before it is resumed, in this process or another; not with TLS. */
  readonly pauseOnConnect?: boolean;
  readonly log: Logger;
}

/** A connection whose handshake is over. */
export type TakeSocket = (socket: Socket, listener: string | undefined) => void;

export class Ports {
  readonly #options: PortsOptions;
  readonly #take: TakeSocket;
  readonly #servers: Server[] = [];
  /** Those that never got beyond their TLS handshake are among them. */
  readonly #sockets = new Set<Socket>();

  constructor(options: PortsOptions, take: TakeSocket) {
    this.#options = options;
    this.#take = take;
  }

  /**
   * @returns the numbers of the ports, in the order of `PortsOptions.ports`
   * @throws StatusError that names the address, and `Address already in use` where it is taken; then none is open
   */
  async open(): Promise<readonly number[]> {
    const opened: number[] = [];
    try {
      for (const { port, name } of this.#options.ports) opened.push(await this.#open(port, name));
    } catch (cause) {
      for (const server of this.#servers.splice(0)) server.close();
      throw cause;
    }
    return opened;
  }

  /** Reads certificates, keys and authorities again, for new connections. @throws Error; then the old ones stay */
  reloadTls(): void {
    if (this.#options.tls === undefined) return;
    const read = readPortTls(this.#options.tls, this.#options.log);
    for (const server of this.#servers) (server as TlsServer).setSecureContext(read);
  }

  /** A socket that came in another way ends with those of the ports. */
  adopt(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** Takes no new connections. @returns when the last one has ended */
  async close(): Promise<void> {
    const closed = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    await Promise.all(closed);
  }

  destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(port: number, name: string | undefined): Promise<number> {
    const { address } = this.#options;
    const server = this.#createServer(name);
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => {
        const reason =
          error.code === "EADDRINUSE"
            ? "Address already in use: stop the program that has this port, or choose another with --grpc-port (0 picks a free one)"
            : error.message;
        reject(
          new StatusError("UNAVAILABLE", `gRPC cannot listen on ${address}:${port}: ${reason}`, {
            cause: error,
          }),
        );
      };
      server.once("error", refused);
      server.listen(port, address, BACKLOG, () => {
        server.off("error", refused);
        server.on("error", (error) => this.#options.log.error("gRPC listener", { error }));
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  #createServer(name: string | undefined): Server {
    const { tls, maxConnections, pauseOnConnect = false, log } = this.#options;
    const take = (socket: Socket) => this.#take(socket, name);
    const server = tls ? tlsServer(tls, log, take) : createServer({ pauseOnConnect }, take);
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => this.adopt(socket));
    return server;
  }
}

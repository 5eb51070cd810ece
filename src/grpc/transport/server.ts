/**
 * gRPC on our own HTTP/2 (`../http2`). Offers grpc-js' `addService`, and `addHotUnary` for the one
 * method whose messages are too many and too big to be deserialized and copied.
 */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { StatusError } from "../../errors.ts";
import { type ConnectionListener, Http2Connection } from "../http2/connection.ts";
import type { ConnectionOptions as Http2Options } from "../http2/connection-options.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { readCallHead, refuse } from "./call-head.ts";
import { CallHost } from "./call-host.ts";
import { Connection } from "./connection.ts";
import { type HotHandler, HotUnaryCall } from "./hot-call.ts";
import { HotStreamCall, type HotStreamHandler } from "./hot-stream.ts";
import type { ServiceDefinition, ServiceImplementation } from "./method.ts";
import type { GrpcServerOptions, TlsOptions } from "./options.ts";
import type { Arrival } from "./receiving-call.ts";
import type { ServerCall } from "./server-call.ts";
import { ServiceCall, type ServiceRoute, SHUTTING_DOWN } from "./service-call.ts";

export interface ServerStats {
  readonly connections: number;
  readonly callsInFlight: number;
  /** Of the receive budget. */
  readonly heldBytes: number;
  readonly messagesWaiting: number;
  /** Kept for paused streams, beyond the budget. */
  readonly backlogBytes: number;
  /** Answers not yet taken by their clients. */
  readonly pendingBytes: number;
}

/** Time for the last answers to leave, ms. */
const FAREWELL_MS = 50;

type Route = (arrival: Arrival) => ServerCall;
/** Why a call with these headers is refused; undefined: it is not. */
export type Restriction = (headers: RequestHeaders) => StatusError | undefined;

/** HTTP/2 frames from clients may be this long, so that 256 rows come in one piece. */
const MAX_FRAME_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #host: CallHost;
  readonly #routes = new Map<string, Route>();
  /** By path; undefined where there are none, which is the usual case. */
  #restrictions: Map<string, Restriction> | undefined = undefined;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #state: "idle" | "listening" | "draining" | "stopped" = "idle";

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#host = new CallHost(options);
  }

  /**
   * Serves the methods that `implementation` has, by their names in the definition;
   * the others answer UNIMPLEMENTED. Streams of a service with `holdsDrain: false`
   * (watches) are ended when the server drains, instead of being waited for.
   */
  addService(
    definition: ServiceDefinition,
    implementation: ServiceImplementation,
    { holdsDrain = true }: { readonly holdsDrain?: boolean } = {},
  ): void {
    for (const [name, method] of Object.entries(definition)) {
      const handler = implementation[name] ?? implementation[method.originalName ?? name];
      if (handler === undefined) continue;
      const route: ServiceRoute = {
        definition: method,
        handler: handler.bind(implementation),
        holdsDrain,
      };
      this.#addRoute(method.path, (arrival) => new ServiceCall(arrival, route));
    }
  }

  /** Serves a unary method with the bytes of its messages. @param path `/package.Service/Method`. */
  addHotUnary(path: string, handler: HotHandler): void {
    this.#addRoute(path, (arrival) => new HotUnaryCall(arrival, handler));
  }

  /** Serves a bidirectional method likewise. */
  addHotStream(path: string, handler: HotStreamHandler): void {
    this.#addRoute(path, (arrival) => new HotStreamCall(arrival, handler));
  }

  /** Calls of `path` are looked at by `restriction` before anything of their body is. */
  restrict(path: string, restriction: Restriction): void {
    this.#restrictions ??= new Map();
    this.#restrictions.set(path, restriction);
  }

  #addRoute(path: string, route: Route): void {
    if (this.#routes.has(path)) throw new Error(`${path} is served already`);
    this.#routes.set(path, route);
  }

  /** Rejects with a text that names the address, and `Address already in use` where it is taken. */
  listen(): Promise<{ readonly port: number }> {
    const { address, port } = this.#options;
    const server = this.#createServer();
    this.#server = server;
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
      server.listen(port, address, () => {
        server.off("error", refused);
        server.on("error", (error) => this.#options.log.error("gRPC listener", { error }));
        this.#state = "listening";
        resolve({ port: (server.address() as AddressInfo).port });
      });
    });
  }

  /** Serves calls on a connection that was made elsewhere, as if it had come in. */
  serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#state === "listening") this.#onSocket(socket);
    else socket.destroy();
  }

  /** Takes no new calls; resolves when the last one in flight was answered. */
  async drain(): Promise<void> {
    if (this.#state !== "listening") return;
    this.#state = "draining";
    this.#server?.close();
    for (const connection of this.#connections) connection.leave();
    this.#host.announceDrain();
    if (this.#host.holdingDrain === 0) return;
    await new Promise<void>((resolve) => {
      this.#host.onDrained = resolve;
    });
  }

  /** Cuts what is left. */
  async stop(): Promise<void> {
    if (this.#state === "stopped" || !this.#server) return;
    const server = this.#server;
    const listening = server.listening;
    this.#state = "stopped";
    const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
    if (listening) server.close();
    // Whoever still waits is told before the line goes dead.
    this.#host.failAll(SHUTTING_DOWN);
    await sleep(FAREWELL_MS);
    for (const connection of this.#connections) connection.cut();
    // Those that never got beyond their TLS handshake.
    for (const socket of this.#sockets) socket.destroy();
    this.#host.stop();
    if (listening) await closed;
  }

  stats(): ServerStats {
    return {
      connections: this.#connections.size,
      callsInFlight: this.#host.size,
      heldBytes: this.#host.budget.usedBytes,
      messagesWaiting: this.#host.budget.waiting,
      backlogBytes: this.#host.backlog.small + this.#host.backlog.big,
      pendingBytes: this.#host.pendingBytes,
    };
  }

  #createServer(): Server {
    const { tls, maxConnections, log } = this.#options;
    const server = tls
      ? createTlsServer(readTls(tls), (socket) => this.#onTlsSocket(socket))
      : createServer((socket) => this.#onSocket(socket));
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("tlsClientError", (error: Error) =>
      log.debug("TLS handshake", { error: error.message }),
    );
    return server;
  }

  #onTlsSocket(socket: TLSSocket): void {
    if (socket.alpnProtocol === "h2") this.#onSocket(socket);
    else socket.destroy();
  }

  #onSocket(socket: Socket): void {
    if (this.#state === "stopped") {
      socket.destroy();
      return;
    }
    const { clock, log, maxConcurrentStreams, receiveBudgetBytes } = this.#options;
    const options: Http2Options = {
      receiveWindowBytes: CONNECTION_WINDOW_BYTES,
      streamWindowBytes: initialWindowBytes(receiveBudgetBytes),
      maxFrameBytes: MAX_FRAME_BYTES,
      maxConcurrentStreams,
      now: () => clock.now(),
    };
    const peer = peerOf(socket);
    const listener: ConnectionListener = {
      request: (stream, headers, ended) => this.#onRequest(connection, stream, headers, ended),
      pinged: () => connection.pinged(),
      refused: (reason) => log.debug("gRPC connection closed", { peer, reason }),
      failed: (error) => log.error("gRPC connection", { peer, error }),
      closed: () => {
        connection.closed();
        this.#connections.delete(connection);
      },
    };
    const link = new Http2Connection(socket, options, listener);
    const connection = new Connection(link, peer, this.#options);
    this.#connections.add(connection);
  }

  #onRequest(
    connection: Connection,
    stream: Stream,
    headers: RequestHeaders,
    ended: boolean,
  ): void {
    const head = readCallHead(headers, this.#host.clock);
    const path = headers[":path"] ?? "";
    const route = this.#routes.get(path);
    if (typeof head === "number" || head instanceof StatusError) {
      refuse(stream, head);
    } else if (this.#state !== "listening" && !connection.leaving) {
      refuse(stream, SHUTTING_DOWN);
    } else if (!route) {
      const text = `The server does not implement the method ${path}`;
      refuse(stream, new StatusError("UNIMPLEMENTED", text));
    } else {
      const refusal = this.#restrictions?.get(path)?.(headers);
      if (refusal !== undefined) {
        refuse(stream, refusal);
        return;
      }
      const { encoding, deadline } = head;
      const arrival = { host: this.#host, connection, stream, headers, encoding, deadline };
      const call = route(arrival);
      call.start(ended);
      // It was on its way here when the client was asked to leave.
      if (this.#state !== "listening") call.draining();
    }
  }
}

function peerOf({ remoteAddress = "unknown", remotePort = 0 }: Socket): string {
  return remoteAddress.includes(":")
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}

/** Paused streams may send this much each before HTTP/2 stops them. */
function initialWindowBytes(receiveBudgetBytes: number): number {
  return Math.min(1024 * 1024, Math.max(64 * 1024, Math.floor(receiveBudgetBytes / 256)));
}

function readTls({ certPath, keyPath, rootCertPath, mutual }: TlsOptions) {
  return {
    cert: readFileSync(certPath),
    key: readFileSync(keyPath),
    ...(rootCertPath === undefined ? {} : { ca: readFileSync(rootCertPath) }),
    requestCert: mutual,
    rejectUnauthorized: mutual,
    ALPNProtocols: ["h2"],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}

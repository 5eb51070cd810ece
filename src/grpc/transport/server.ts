/**
 * gRPC on `node:http2`. Offers grpc-js' `addService`, and `addHotUnary` for the one
 * method whose messages are too many and too big to be deserialized and copied.
 */
import { readFileSync } from "node:fs";
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { StatusError } from "../../errors.ts";
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

type Route = (arrival: Arrival) => ServerCall;

/** HTTP/2 frames from clients may be this long, so that 256 rows come in one piece. */
const MAX_FRAME_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #host: CallHost;
  readonly #routes = new Map<string, Route>();
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  readonly #sockets = new Set<Socket>();
  #server: Http2Server | Http2SecureServer | undefined;
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
        const reason = error.code === "EADDRINUSE" ? "Address already in use" : error.message;
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

  /** Takes no new calls; resolves when the last one in flight was answered. */
  async drain(): Promise<void> {
    if (this.#state !== "listening") return;
    this.#state = "draining";
    this.#server?.close();
    for (const connection of this.#connections.values()) connection.leave();
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
    for (const connection of this.#connections.values()) connection.cut();
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
      backlogBytes: this.#host.backlogBytes,
      pendingBytes: this.#host.pendingBytes,
    };
  }

  #createServer(): Http2Server | Http2SecureServer {
    const { tls, maxConcurrentStreams, receiveBudgetBytes, maxConnections, log } = this.#options;
    const settings = {
      initialWindowSize: initialWindowBytes(receiveBudgetBytes),
      maxFrameSize: MAX_FRAME_BYTES,
      maxConcurrentStreams,
      enablePush: false,
    };
    const common = {
      settings,
      // Node's own limit counts what it should not and then refuses streams; ours are the budgets.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      // Clients with deadlines of a millisecond reset many streams in good faith (from Node 22.17 on
      // the limit can be set; before, the connection goes after 1,000 and 33 more per second).
      streamResetBurst: 10_000,
      streamResetRate: 1_000,
    };
    const server = tls ? createSecureServer({ ...common, ...readTls(tls) }) : createServer(common);
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("session", (session) => this.#onSession(session));
    server.on("stream", (stream, headers, flags) => this.#onStream(stream, headers, flags));
    server.on("sessionError", (error) => log.debug("gRPC connection", { error: error.message }));
    server.on("tlsClientError", (error: Error) =>
      log.debug("TLS handshake", { error: error.message }),
    );
    server.on("unknownProtocol", (socket: Socket) => socket.destroy());
    return server;
  }

  #onSession(session: ServerHttp2Session): void {
    session.on("error", ignore);
    if (this.#state === "stopped") {
      session.destroy();
      return;
    }
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#connections.set(session, new Connection(session, this.#options));
    session.once("close", () => this.#connections.delete(session));
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    const { session } = stream;
    const connection = session && this.#connections.get(session as ServerHttp2Session);
    if (!connection || stream.destroyed || stream.closed) {
      stream.on("error", ignore);
      return;
    }
    try {
      this.#route(connection, stream, headers, flags);
    } catch (error) {
      // Whatever it was, it was this stream's: nobody else may notice.
      this.#options.log.error("gRPC stream", { error, path: headers[":path"] });
      stream.on("error", ignore);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  #route(
    connection: Connection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
  ): void {
    const head = readCallHead(headers, this.#host.clock);
    const path = headers[":path"] ?? "";
    const route = this.#routes.get(path);
    if (typeof head === "number" || head instanceof StatusError) {
      refuse(stream, flags, head);
    } else if (this.#state !== "listening" && !connection.session.closed) {
      refuse(stream, flags, SHUTTING_DOWN);
    } else if (!route) {
      const text = `The server does not implement the method ${path}`;
      refuse(stream, flags, new StatusError("UNIMPLEMENTED", text));
    } else {
      const { encoding, deadline } = head;
      route({ host: this.#host, connection, stream, headers, encoding, deadline }).start(flags);
    }
  }
}

function ignore(): void {}

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
    allowHTTP1: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}

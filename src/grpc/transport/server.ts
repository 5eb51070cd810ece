/**
 * gRPC on our own HTTP/2 (`../http2`). Offers grpc-js' `addService`, and `addHotUnary` for the one
 * method whose messages are too many and too big to be deserialized and copied.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createServer as createTlsServer,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import { StatusError, toStatusError } from "../../errors.ts";
import { type Need, needOf, RPC_ACCESS } from "../../tenants/access-table.ts";
import type { Verdict } from "../../tenants/gatekeeper.ts";
import { type Origin, originOf, originOfSocket } from "../../tenants/origin.ts";
import { watchHandshakes } from "../../tenants/tls/handshakes.ts";
import {
  handshakeRules,
  outOfTime,
  readTls,
  type TlsMaterial,
  type TlsOptions,
} from "../../tenants/tls/tls-files.ts";
import { type ConnectionListener, Http2Connection } from "../http2/connection.ts";
import type { ConnectionOptions as Http2Options } from "../http2/connection-options.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { readCallHead, refuse } from "./call-head.ts";
import { CallHost } from "./call-host.ts";
import { Connection } from "./connection.ts";
import { HeldCall } from "./held-call.ts";
import { type HotHandler, HotUnaryCall } from "./hot-call.ts";
import { HotStreamCall, type HotStreamHandler } from "./hot-stream.ts";
import type { ServiceDefinition, ServiceImplementation } from "./method.ts";
import type { GrpcServerOptions } from "./options.ts";
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

interface Route {
  readonly begin: (arrival: Arrival) => ServerCall;
  /** Who may call it; only looked at where there is a gate. */
  readonly need: Need;
}
/** Why a call with these headers is refused; undefined: it is not. */
export type Restriction = (headers: RequestHeaders) => StatusError | undefined;

/** HTTP/2 frames from clients may be this long, so that 256 rows come in one piece. */
const MAX_FRAME_BYTES = 1024 * 1024;
/** Connections that may wait to be accepted: those of two seconds in which thousands come (Node's own is 511). */
const BACKLOG = 4096;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #host: CallHost;
  readonly #routes = new Map<string, Route>();
  /** By path; undefined where there are none, which is the usual case. */
  #restrictions: Map<string, Restriction> | undefined = undefined;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];
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

  #addRoute(path: string, begin: Route["begin"]): void {
    if (this.#routes.has(path)) throw new Error(`${path} is served already`);
    const need = this.#options.gate === undefined ? "anybody" : needOf(RPC_ACCESS, path);
    this.#routes.set(path, { begin, need });
  }

  /** Of every method that is served. */
  get paths(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** Rejects with a text that names the address, and `Address already in use` where it is taken. */
  async listen(): Promise<{
    readonly port: number;
    readonly listeners: ReadonlyMap<string, number>;
  }> {
    const { port, listeners = [] } = this.#options;
    const opened = new Map<string, number>();
    try {
      const main = await this.#open(port, undefined);
      for (const { name, grpcPort } of listeners) {
        if (grpcPort !== undefined) opened.set(name, await this.#open(grpcPort, name));
      }
      this.#state = "listening";
      return { port: main, listeners: opened };
    } catch (cause) {
      for (const server of this.#servers.splice(0)) server.close();
      throw cause;
    }
  }

  /** Reads certificates, keys and authorities again, for new connections. @throws Error; then the old ones stay */
  reloadTls(): void {
    if (this.#options.tls === undefined) return;
    const read = this.#readTls(this.#options.tls);
    for (const server of this.#servers) (server as TlsServer).setSecureContext(read);
  }

  /** @throws TlsFileError */
  #readTls(tls: TlsOptions): TlsMaterial {
    const read = readTls(tls, "grpc.tls");
    const trouble = outOfTime(read, Date.now());
    if (trouble) this.#options.log.warn(`the certificate '${tls.certPath}': ${trouble}`);
    return read;
  }

  /** @param name of the listener; undefined: the main one. @returns the port */
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

  /** Serves calls on a connection that was made elsewhere, as if it had come in. */
  serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // Whoever is at its other end was called by us: nothing that it has shown was meant for this.
    const origin = this.#options.gate && originOf(undefined, undefined);
    if (this.#state === "listening") this.#onSocket(socket, origin);
    else socket.destroy();
  }

  /** Takes no new calls; resolves when the last one in flight was answered. */
  async drain(): Promise<void> {
    if (this.#state !== "listening") return;
    this.#state = "draining";
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.leave();
    this.#host.announceDrain();
    if (this.#host.holdingDrain === 0) return;
    await new Promise<void>((resolve) => {
      this.#host.onDrained = resolve;
    });
  }

  /** Cuts what is left. */
  async stop(): Promise<void> {
    if (this.#state === "stopped" || this.#servers.length === 0) return;
    const listening = this.#servers.filter((server) => server.listening);
    this.#state = "stopped";
    const closed = listening.map(
      (server) => new Promise<void>((resolve) => server.once("close", () => resolve())),
    );
    for (const server of listening) server.close();
    // Whoever still waits is told before the line goes dead.
    this.#host.failAll(SHUTTING_DOWN);
    await sleep(FAREWELL_MS);
    for (const connection of this.#connections) connection.cut();
    // Those that never got beyond their TLS handshake.
    for (const socket of this.#sockets) socket.destroy();
    this.#host.stop();
    await Promise.all(closed);
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

  #createServer(name: string | undefined): Server {
    const { tls, maxConnections, log } = this.#options;
    const server = tls
      ? createTlsServer({ ...handshakeRules(tls, ["h2"]), ...this.#readTls(tls) }, (socket) =>
          this.#onTlsSocket(socket, name),
        )
      : createServer((socket) => this.#onSocket(socket, this.#originOf(socket, name)));
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    if (tls !== undefined) watchHandshakes(server as TlsServer, "gRPC", log);
    return server;
  }

  #onTlsSocket(socket: TLSSocket, name: string | undefined): void {
    if (socket.alpnProtocol === "h2") this.#onSocket(socket, this.#originOf(socket, name));
    else socket.destroy();
  }

  /** What says whose connection it is. */
  #originOf(socket: Socket, name: string | undefined): Origin | undefined {
    const { gate, listeners = [] } = this.#options;
    return gate && originOfSocket(socket, listeners, name);
  }

  #onSocket(socket: Socket, origin: Origin | undefined): void {
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
    const connection = new Connection(link, peer, this.#options, origin);
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
      const host = this.#host;
      const { encoding, deadline } = head;
      const { origin } = connection;
      const verdict = origin && this.#options.gate?.admit(route.need, headers, origin);
      if (verdict instanceof StatusError) {
        refuse(stream, verdict);
      } else if (verdict instanceof Promise) {
        const arrival = { host, connection, stream, headers, encoding, deadline };
        this.#hold(verdict, route, arrival, ended);
      } else {
        const caller = verdict;
        const call = route.begin({ host, connection, stream, headers, encoding, deadline, caller });
        call.start(ended);
        // It was on its way here when the client was asked to leave.
        if (this.#state !== "listening") call.draining();
      }
    }
  }

  /** Until it is known who sends the call. */
  #hold(
    verdict: Promise<Verdict>,
    { begin }: Route,
    arrival: Omit<Arrival, "caller">,
    ended: boolean,
  ): void {
    const { stream } = arrival;
    const held = new HeldCall(stream, ended);
    const go = (caller: Verdict) => {
      if (held.gone) return;
      if (caller instanceof StatusError) {
        refuse(stream, caller);
        return;
      }
      const call = begin({ ...arrival, caller });
      held.handOver(call);
      if (this.#state !== "listening") call.draining();
    };
    verdict.then(go).catch((error: unknown) => {
      this.#options.log.error("gRPC call", { error });
      refuse(stream, toStatusError(error));
    });
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

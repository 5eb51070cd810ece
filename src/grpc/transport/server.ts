/**
 * gRPC on our own HTTP/2 (`../http2`). Offers grpc-js' `addService`, and `addHotUnary` for the one
 * method whose messages are too many and too big to be deserialized and copied.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { StatusError, toStatusError } from "../../errors.ts";
import { type Need, needOf, RPC_ACCESS } from "../../tenants/access-table.ts";
import type { Verdict } from "../../tenants/gatekeeper.ts";
import { type Origin, originOf, originOfSocket } from "../../tenants/origin.ts";
import { readTls } from "../../tenants/tls/tls-files.ts";
import { type EdgeStats, Edges } from "../edge/edges.ts";
import type { Opening } from "../edge/words.ts";
import { type ConnectionListener, Http2Connection } from "../http2/connection.ts";
import type { ConnectionOptions as Http2Options } from "../http2/connection-options.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { readCallHead, refuse } from "./call-head.ts";
import { CallHost } from "./call-host.ts";
import { Connection, type Link } from "./connection.ts";
import { HeldCall } from "./held-call.ts";
import { type HotHandler, HotUnaryCall } from "./hot-call.ts";
import { HotStreamCall, type HotStreamHandler } from "./hot-stream.ts";
import type { ServiceDefinition, ServiceImplementation } from "./method.ts";
import type { GrpcServerOptions } from "./options.ts";
import { peerOf } from "./peer.ts";
import { Ports } from "./ports.ts";
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
  /** None where this process speaks with its clients itself. */
  readonly edges: readonly EdgeStats[];
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
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #host: CallHost;
  readonly #routes = new Map<string, Route>();
  /** By path; undefined where there are none, which is the usual case. */
  #restrictions: Map<string, Restriction> | undefined = undefined;
  readonly #connections = new Set<Connection>();
  readonly #ports: Ports;
  /** undefined: this process speaks with its clients itself. */
  readonly #edges: Edges | undefined;
  #state: "idle" | "listening" | "draining" | "stopped" = "idle";
  #onDrained: (() => void) | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#host = new CallHost(options);
    this.#edges = options.edges && this.#createEdges(options.edges);
    this.#ports = this.#createPorts();
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
    const askAgain = ({ connection: { origin }, headers }: ServerCall) =>
      origin && this.#options.gate?.admit(needOf(RPC_ACCESS, path), headers, origin);
    this.#addRoute(path, (arrival) => new HotStreamCall(arrival, handler, askAgain));
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
    await this.#edges?.start();
    try {
      const [main = 0, ...others] = await this.#ports.open();
      this.#state = "listening";
      return {
        port: main,
        listeners: new Map(this.#named.map((name, at) => [name, others[at] ?? 0])),
      };
    } catch (cause) {
      await this.#edges?.stop();
      throw cause;
    }
  }

  /** Reads certificates, keys and authorities again, for new connections. @throws Error; then the old ones stay */
  reloadTls(): void {
    const { tls } = this.#options;
    if (this.#edges === undefined || tls === undefined) {
      this.#ports.reloadTls();
    } else {
      readTls(tls, "grpc.tls");
      this.#edges.reloadTls();
    }
  }

  /** Serves calls on a connection that was made elsewhere, as if it had come in. */
  serve(socket: Socket): void {
    this.#ports.adopt(socket);
    // Whoever is at its other end was called by us: nothing that it has shown was meant for this.
    const origin = this.#options.gate && originOf(undefined, undefined);
    if (this.#state === "listening") this.#onSocket(socket, origin);
    else socket.destroy();
  }

  /**
   * Asks the clients to go elsewhere; resolves when the last call was answered and the last
   * connection was closed. Until then calls may come that were sent before a client heard of it.
   */
  async drain(): Promise<void> {
    if (this.#state !== "listening") return;
    this.#state = "draining";
    void this.#ports.close();
    for (const connection of this.#connections) connection.leave();
    this.#host.announceDrain();
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.#host.onDrained = () => this.#lookDrained();
      this.#lookDrained();
    });
  }

  #lookDrained(): void {
    if (this.#host.holdingDrain === 0 && this.#connections.size === 0) this.#onDrained?.();
  }

  /** Cuts what is left. */
  async stop(): Promise<void> {
    if (this.#state === "stopped" || this.#state === "idle") return;
    this.#state = "stopped";
    const closed = this.#ports.close();
    // Whoever still waits is told before the line goes dead.
    this.#host.failAll(SHUTTING_DOWN);
    await sleep(FAREWELL_MS);
    for (const connection of this.#connections) connection.cut();
    // Those that never got beyond their TLS handshake.
    this.#ports.destroySockets();
    this.#host.stop();
    await Promise.all([closed, this.#edges?.stop()]);
  }

  stats(): ServerStats {
    return {
      connections: this.#connections.size,
      callsInFlight: this.#host.size,
      heldBytes: this.#host.budget.usedBytes,
      messagesWaiting: this.#host.budget.waiting,
      backlogBytes: this.#host.backlog.small + this.#host.backlog.big,
      pendingBytes: this.#host.pendingBytes,
      edges: this.#edges?.stats() ?? [],
    };
  }

  get #named(): readonly string[] {
    return (this.#options.listeners ?? []).flatMap(({ name, grpcPort }) =>
      grpcPort === undefined ? [] : [name],
    );
  }

  #createPorts(): Ports {
    const { address, port, listeners = [], tls, maxConnections, gate, log } = this.#options;
    const ports = [
      { name: undefined, port },
      ...listeners.flatMap(({ name, grpcPort }) =>
        grpcPort === undefined ? [] : [{ name, port: grpcPort }],
      ),
    ];
    const edges = this.#edges;
    if (edges !== undefined) {
      const full = () => this.#connections.size >= (maxConnections ?? Number.POSITIVE_INFINITY);
      return new Ports({ address, ports, pauseOnConnect: true, log }, (socket, name) => {
        if (full()) socket.destroy();
        else edges.give(socket, name);
      });
    }
    return new Ports({ address, ports, tls, maxConnections, log }, (socket, name) =>
      this.#onSocket(socket, gate && originOfSocket(socket, listeners, name)),
    );
  }

  #createEdges({ count, entry }: NonNullable<GrpcServerOptions["edges"]>): Edges {
    const { tls, listeners = [], gate, clock, log } = this.#options;
    const names = listeners.map(({ name, serverName }) => ({ name, serverName }));
    const settings = { tls, names, asks: gate !== undefined, ...this.#windows() };
    return new Edges({ count, entry, settings, clock, log }, (opening, link) =>
      this.#onEdge(opening, link),
    );
  }

  #windows() {
    const { maxConcurrentStreams, receiveBudgetBytes } = this.#options;
    return {
      receiveWindowBytes: CONNECTION_WINDOW_BYTES,
      streamWindowBytes: initialWindowBytes(receiveBudgetBytes),
      maxFrameBytes: MAX_FRAME_BYTES,
      maxConcurrentStreams,
    };
  }

  #onSocket(socket: Socket, origin: Origin | undefined): void {
    if (this.#state === "stopped") {
      socket.destroy();
      return;
    }
    const { clock } = this.#options;
    const options: Http2Options = { ...this.#windows(), now: () => clock.now() };
    const connect = (listener: ConnectionListener) =>
      new Http2Connection(socket, options, listener);
    this.#meet(peerOf(socket), origin, connect);
  }

  /** A client's connection that an edge holds. */
  #onEdge(
    { peer, certificate, listener }: Opening,
    connect: (listener: ConnectionListener) => Link,
  ): void {
    this.#meet(peer, this.#options.gate && originOf(certificate, listener), connect);
  }

  #meet(
    peer: string,
    origin: Origin | undefined,
    connect: (listener: ConnectionListener) => Link,
  ): void {
    const { log } = this.#options;
    const link = connect({
      request: (stream, headers, ended) => this.#onRequest(connection, stream, headers, ended),
      pinged: () => connection.pinged(),
      refused: (reason) => log.debug("gRPC connection closed", { peer, reason }),
      failed: (error) => log.error("gRPC connection", { peer, error }),
      closed: () => {
        connection.closed();
        this.#connections.delete(connection);
        this.#lookDrained();
      },
    });
    const connection = new Connection(link, peer, this.#options, origin);
    this.#connections.add(connection);
    if (this.#state !== "listening") connection.leave();
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

/** Paused streams may send this much each before HTTP/2 stops them. */
function initialWindowBytes(receiveBudgetBytes: number): number {
  return Math.min(1024 * 1024, Math.max(64 * 1024, Math.floor(receiveBudgetBytes / 256)));
}

/**
 * The whole of an edge process: TLS and HTTP/2 with the clients whose sockets the gateway hands over. What their requests
 * mean, whose they are and what they may is decided by the gateway; nothing is decided here.
 */
import { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type { Logger } from "../../logger.ts";
import { originOfSocket } from "../../tenants/origin.ts";
import { peerOf } from "../transport/peer.ts";
import { readPortTls, tlsServer } from "../transport/tls-server.ts";
import { ClientEnd } from "./client-end.ts";
import { Line } from "./line.ts";
import {
  EDGE_ITSELF,
  type EdgeSettings,
  type FromEdge,
  type Opening,
  type ToEdge,
  Told,
} from "./words.ts";

/** The line's file descriptor. */
const LINE_FD = 3;
/** Looks for answers that left while nothing else happened, ms. */
const LOOK_MS = 20;

interface Arrival {
  readonly id: number;
  readonly listener?: string | undefined;
}

class Edge {
  readonly #settings: EdgeSettings;
  readonly #clients = new Map<number, ClientEnd>();
  /** Those with answers under way. */
  readonly #busy = new Set<ClientEnd>();
  readonly #line: Line;
  readonly #tls: TlsServer | undefined;
  /** Of sockets in their TLS handshake. */
  readonly #arrivals = new WeakMap<Socket, Arrival>();
  #paused = false;

  constructor(settings: EdgeSettings) {
    this.#settings = settings;
    this.#tls = settings.tls && tlsServer(settings.tls, log, (socket) => this.#onTls(socket));
    this.#line = new Line(new Socket({ fd: LINE_FD, readable: true, writable: true }), {
      frame: (type, flags, connection, stream, bytes, start, end) => {
        if (connection === EDGE_ITSELF) this.#line.say(Told.PONG, EDGE_ITSELF);
        else this.#clients.get(connection)?.asked(type, flags, stream, bytes, start, end);
      },
      pause: () => this.#lookAtBusy(),
      drained: () => this.#readAgain(),
      closed: () => process.exit(0),
    });
    setInterval(() => this.#lookAtBusy(), LOOK_MS).unref();
  }

  /** @param socket undefined: it has ended on its way */
  take(socket: Socket | undefined, arrival: Arrival): void {
    const gone = () => {
      if (!this.#clients.has(arrival.id)) this.#line.say(Told.CLOSED, arrival.id);
    };
    if (socket === undefined) gone();
    else if (this.#tls === undefined) this.#serve(socket, arrival);
    else {
      this.#arrivals.set(socket, arrival);
      socket.once("close", gone);
      this.#tls.emit("connection", socket);
    }
  }

  reloadTls(): void {
    const { tls } = this.#settings;
    if (tls !== undefined) this.#tls?.setSecureContext(readPortTls(tls, log));
  }

  #onTls(socket: Socket): void {
    const arrival = this.#arrivals.get((socket as Wrapping)._parent ?? socket);
    if (arrival === undefined) socket.destroy();
    else this.#serve(socket, arrival);
  }

  #serve(socket: Socket, { id, listener }: Arrival): void {
    const { asks, names } = this.#settings;
    const origin = asks ? originOfSocket(socket, names, listener) : undefined;
    const opening: Opening = {
      peer: peerOf(socket),
      certificate: origin?.certificate,
      listener: origin?.listener,
    };
    this.#line.say(Told.OPENED, id, 0, Buffer.from(JSON.stringify(opening)));
    const client = new ClientEnd(id, socket, this.#line, this.#settings, log, {
      busy: () => this.#busy.add(client),
      heard: () => this.#heard(),
      closed: () => {
        this.#clients.delete(id);
        this.#busy.delete(client);
      },
    });
    this.#clients.set(id, client);
    if (this.#paused) client.stopReading();
    else socket.resume();
  }

  #lookAtBusy(): void {
    for (const client of this.#busy) if (!client.tellTaken()) this.#busy.delete(client);
  }

  /** Where the gateway is behind nothing more is read of anybody. */
  #heard(): void {
    if (this.#paused || !this.#line.full) return;
    this.#paused = true;
    for (const client of this.#clients.values()) client.stopReading();
  }

  #readAgain(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (const client of this.#clients.values()) client.readOn();
  }
}

/** A connection of TLS, and the socket that it runs on. */
interface Wrapping extends Socket {
  readonly _parent?: Socket | null;
}

function tell(word: FromEdge): void {
  process.send?.(word);
}

const log: Logger = {
  debug: (message, fields) => tell({ kind: "log", level: "debug", message, fields }),
  info: (message, fields) => tell({ kind: "log", level: "info", message, fields }),
  warn: (message, fields) => tell({ kind: "log", level: "warn", message, fields }),
  error: (message, fields) => tell({ kind: "log", level: "error", message, fields: plain(fields) }),
};

/** Errors do not survive the channel. */
function plain(fields: object = {}): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
}

let edge: Edge | undefined;
process.on("message", (word: ToEdge, socket: unknown) => {
  if (word.kind === "settings") {
    edge = new Edge(word.settings);
    tell({ kind: "ready" });
  } else if (word.kind === "reload TLS") {
    edge?.reloadTls();
  } else {
    edge?.take(socket instanceof Socket ? socket : undefined, word);
  }
});
// Who ends the gateway ends its edges; a terminal's Ctrl-C is none of their business.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit(0));

/**
 * Infer requests past Node's HTTP server. Its streams and header objects cost more than
 * everything else that the gateway does for a small request, so a new connection is read
 * here first; it goes over to Node at its first request that is not a plain infer.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { type Gate, type OriginOf, originsOf } from "../authorize.ts";
import type { InferRoom } from "../infer/http-call.ts";
import { connectionEvent } from "../secure.ts";
import { DirectConnection, type DirectSetting } from "./direct-connection.ts";

/** Time between two looks at connections that do nothing. */
const WATCH_MS = 5_000;
/** Rounds in which a request that has begun must be here as a whole, or Node watches over it. */
const MAX_INCOMPLETE_ROUNDS = 6;

export class DirectLane {
  readonly #connections = new Set<DirectConnection>();
  readonly #room: InferRoom;
  readonly #gate: Gate | undefined;
  readonly #originOf: OriginOf;
  #watch: NodeJS.Timeout | undefined;
  #date = "";
  #dateMs = Number.NEGATIVE_INFINITY;
  #closing = false;

  /** @param gate undefined: nobody is asked who he is */
  constructor(room: InferRoom, gate?: Gate, originOf: OriginOf = originsOf()) {
    this.#room = room;
    this.#gate = gate;
    this.#originOf = originOf;
  }

  /** Every new connection of `server` comes here first. */
  attach(server: Server): void {
    const event = connectionEvent(server);
    const ofNode = server.listeners(event) as ((socket: Socket) => void)[];
    server.removeAllListeners(event);
    const quietRounds = Math.ceil(server.keepAliveTimeout / WATCH_MS);
    const seconds = Math.floor(server.keepAliveTimeout / 1000);
    const setting: DirectSetting = {
      room: this.#room,
      gate: this.#gate,
      originOf: this.#originOf,
      keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`,
      date: () => this.#dateNow(),
      toNode: (connection, socket, unread) => {
        this.#connections.delete(connection);
        if (unread.length > 0) socket.unshift(unread);
        for (const listener of ofNode) listener.call(server, socket);
        socket.resume();
      },
      closed: (connection) => this.#connections.delete(connection),
    };
    server.on(event, (socket: Socket) => {
      socket.setNoDelay(true);
      this.#connections.add(new DirectConnection(socket, setting));
    });
    server.once("listening", () => {
      this.#watch = setInterval(() => this.#look(quietRounds), WATCH_MS).unref();
    });
    server.once("close", () => clearInterval(this.#watch));
  }

  inFlight(): readonly string[] {
    return [...this.#connections].flatMap((connection) => connection.inFlight());
  }

  /** Answers what came; connections without a request end now. */
  drain(): void {
    this.#closing = true;
    for (const connection of [...this.#connections]) connection.close();
  }

  destroyAll(): void {
    for (const connection of [...this.#connections]) connection.destroy();
  }

  #look(maxQuietRounds: number): void {
    for (const connection of [...this.#connections]) {
      connection.quietRounds += 1;
      if (connection.idle) {
        if (this.#closing || connection.quietRounds > maxQuietRounds) connection.close();
      } else if (connection.incomplete) {
        connection.incompleteRounds += 1;
        if (connection.incompleteRounds > MAX_INCOMPLETE_ROUNDS) connection.leave();
      }
    }
  }

  #dateNow(): string {
    const now = this.#room.now();
    if (now - this.#dateMs >= 1000) {
      this.#dateMs = now;
      this.#date = new Date().toUTCString();
    }
    return this.#date;
  }
}

/** One edge, as the gateway sees it: a process, the line to it, and the connections of clients that it holds. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import type { ConnectionListener } from "../http2/connection.ts";
import type { Link } from "../transport/connection.ts";
import { EdgeConnection } from "./edge-connection.ts";
import { Line, type LineListener } from "./line.ts";
import {
  Asked,
  EDGE_ITSELF,
  type EdgeSettings,
  type FromEdge,
  type Opening,
  type ToEdge,
  Told,
} from "./words.ts";

/** Time for a polite end before the kill, ms. */
const END_MS = 1_000;
/** Between two looks at it, each of which asks for a sign of life, ms. */
const LOOK_MS = 1_000;
/** It hangs after so many looks without one. Looks and not time: who stops the gateway's group for a while stops its edges. */
const SILENT_LOOKS = 10;
/** Before it is ready, when it reads its files. */
const SILENT_LOOKS_AT_START = 60;

export interface EdgeOptions {
  /** The built `main.js`. */
  readonly entry: string;
  readonly settings: EdgeSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A client's connection is there. @param connect says who hears of it */
export type ConnectionOpened = (
  opening: Opening,
  connect: (listener: ConnectionListener) => Link,
) => void;

/** What Node remembers of a socket that came in. */
interface Accepted {
  server?: unknown;
}

/** Flags meant for the gateway (inspectors, loaders) are not for its edges. */
const NODE_FLAGS = ["--no-warnings", "--v8-pool-size=1"];

export class Edge {
  /** Rejects where it dies before it is ready. */
  readonly started: Promise<void>;
  ready = false;
  readonly #child: ChildProcess;
  readonly #line: Line;
  readonly #connections = new Map<number, EdgeConnection>();
  readonly #ended: Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Given to it, and not closed. */
  readonly #given = new Set<number>();
  /** Not on their way yet: Node sends one, and waits until it has arrived. */
  readonly #sending = new Set<Socket>();
  #numbers = 0;
  /** Looks since something was heard of it. */
  #silentLooks = 0;
  #stopLooking: () => void = () => {};
  #killedBecause: string | undefined;

  /** @throws Error where there are no descriptors left for it */
  constructor(
    { entry, settings, clock, log }: EdgeOptions,
    opened: ConnectionOpened,
    died: (why: string) => void,
  ) {
    this.#clock = clock;
    this.#log = log;
    const child = spawnEdge(entry);
    this.#child = child;
    const { streamWindowBytes } = settings;
    const listener: LineListener = {
      frame: (type, flags, id, stream, bytes, start, end) => {
        if (type === Told.OPENED) {
          opened(JSON.parse(bytes.toString("utf8", start, end)), (listener) => {
            const link = new EdgeConnection(id, this.#line, streamWindowBytes, listener);
            this.#connections.set(id, link);
            return link;
          });
        } else if (type === Told.CLOSED) {
          this.#given.delete(id);
          this.#connections.get(id)?.gone();
          this.#connections.delete(id);
        } else {
          this.#connections.get(id)?.told(type, flags, stream, bytes, start, end);
        }
      },
      pause: () => {
        this.#silentLooks = 0;
      },
      closed: () => {
        this.ready = false;
        for (const connection of this.#connections.values()) connection.gone();
        this.#connections.clear();
        child.kill("SIGKILL");
      },
    };
    const socket = child.stdio[3] as unknown as Socket;
    this.#line = new Line(socket, listener, () => clock.now());
    this.started = new Promise((resolve, reject) => {
      child.on("message", (word: FromEdge) => {
        if (word.kind === "ready") {
          this.ready = true;
          this.#silentLooks = 0;
          resolve();
        } else {
          log[word.level](word.message, word.fields);
        }
      });
      child.once("error", reject);
      child.once("exit", (code, signal) =>
        reject(new Error(`gRPC edge ${entry} ended as it started: ${signal ?? `code ${code}`}`)),
      );
    });
    this.#ended = new Promise((resolve) => {
      let over = false;
      const end = (why: string) => {
        if (over) return;
        over = true;
        this.ready = false;
        this.#stopLooking();
        for (const socket of this.#sending) socket.destroy();
        this.#sending.clear();
        died(this.#killedBecause ?? why);
        resolve();
      };
      child.on("error", (error) => end(error.message));
      child.once("exit", (code, signal) => end(signal ?? `code ${code}`));
    });
    this.#say({ kind: "settings", settings });
    this.#lookLater();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Connections, those in their handshake with them. */
  get size(): number {
    return this.#given.size;
  }

  give(socket: Socket, listener: string | undefined): void {
    const id = ++this.#numbers;
    this.#given.add(id);
    // Else a server that closes waits for word of it from those edges that are left: for ever, where none is.
    (socket as Accepted).server = undefined;
    this.#say({ kind: "connection", id, listener }, socket);
  }

  reloadTls(): void {
    this.#say({ kind: "reload TLS" });
  }

  async stop(): Promise<void> {
    this.#line.close();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#ended;
    clearTimeout(late);
  }

  #lookLater(): void {
    // What was said while this process was itself busy is read before anybody is judged.
    this.#stopLooking = this.#clock.after(LOOK_MS, () => this.#clock.soon(() => this.#look()));
  }

  #look(): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (this.#silentLooks >= (this.ready ? SILENT_LOOKS : SILENT_LOOKS_AT_START)) {
      this.#killedBecause = `it gave no sign of life at ${this.#silentLooks} looks in a row`;
      this.#child.kill("SIGKILL");
      return;
    }
    this.#silentLooks++;
    this.#line.say(Asked.PING, EDGE_ITSELF);
    this.#lookLater();
  }

  #say(word: ToEdge, socket?: Socket): void {
    if (socket !== undefined) this.#sending.add(socket);
    // Left to itself, Node takes the descriptor out of the socket, which then never says that it is closed, and forgets
    // to close it where the edge dies before it has it. What was sent is the edge's, whatever becomes of it here.
    this.#child.send(word, socket, { keepOpen: true }, (error) => {
      if (error) this.#log.debug("gRPC edge", { error });
      if (socket === undefined) return;
      this.#sending.delete(socket);
      socket.destroy();
    });
  }
}

/** @throws Error where there are no descriptors left */
function spawnEdge(entry: string): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [...NODE_FLAGS, entry], {
    // In a process group of its own: signals of the gateway's terminal do not reach it.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "pipe", "ipc"],
    env,
  });
  // Then Node makes no streams, whatever its types say, and tells the reason later.
  if (child.stdio === undefined) {
    child.once("error", () => {});
    throw new Error("no file descriptors are left to start it");
  }
  return child;
}

/** One edge, as the gateway sees it: a process, the line to it, and the connections of clients that it holds. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Logger } from "../../logger.ts";
import type { ConnectionListener } from "../http2/connection.ts";
import type { Link } from "../transport/connection.ts";
import { EdgeConnection } from "./edge-connection.ts";
import { Line } from "./line.ts";
import { type EdgeSettings, type FromEdge, type Opening, type ToEdge, Told } from "./words.ts";

/** Time for a polite end before the kill, ms. */
const END_MS = 1_000;

export interface EdgeOptions {
  /** The built `main.js`. */
  readonly entry: string;
  readonly settings: EdgeSettings;
  readonly log: Logger;
}

/** A client's connection is there. @param connect says who hears of it */
export type ConnectionOpened = (
  opening: Opening,
  connect: (listener: ConnectionListener) => Link,
) => void;

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
  readonly #log: Logger;
  /** Given to it, and not closed. */
  readonly #given = new Set<number>();
  #numbers = 0;

  constructor(
    { entry, settings, log }: EdgeOptions,
    opened: ConnectionOpened,
    died: (why: string) => void,
  ) {
    this.#log = log;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(process.execPath, [...NODE_FLAGS, entry], {
      // In a process group of its own: signals of the gateway's terminal do not reach it.
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "pipe", "ipc"],
      env,
    });
    this.#child = child;
    const { streamWindowBytes } = settings;
    this.#line = new Line(child.stdio[3] as unknown as Socket, {
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
      closed: () => {
        this.ready = false;
        for (const connection of this.#connections.values()) connection.gone();
        this.#connections.clear();
        child.kill("SIGKILL");
      },
    });
    this.started = new Promise((resolve, reject) => {
      child.on("message", (word: FromEdge) => {
        if (word.kind === "ready") {
          this.ready = true;
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
        died(why);
        resolve();
      };
      child.once("error", (error) => end(error.message));
      child.once("exit", (code, signal) => end(signal ?? `code ${code}`));
    });
    this.#say({ kind: "settings", settings });
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

  #say(word: ToEdge, socket?: Socket): void {
    this.#child.send(word, socket, (error) => {
      if (error) {
        this.#log.debug("gRPC edge", { error });
        socket?.destroy();
      }
    });
  }
}

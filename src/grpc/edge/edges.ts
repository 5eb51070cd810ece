/**
 * The edges of a gateway: processes that speak HTTP/2 and TLS with its clients, so that this work has cores of its own. The
 * gateway accepts connections, gives each to the edge that has fewest, and hears of requests as if it spoke with the clients
 * itself: they are queued and batched together, wherever they come in.
 */
import type { Socket } from "node:net";
import { type ConnectionOpened, Edge, type EdgeOptions } from "./edge.ts";

export interface EdgesOptions extends EdgeOptions {
  readonly count: number;
}

export interface EdgeStats {
  readonly pid: number | undefined;
  /** Takes connections. */
  readonly ready: boolean;
  readonly connections: number;
  /** How often it died and was replaced. */
  readonly restarts: number;
}

/** An edge that dies is replaced after this time, which doubles up to the longest, ms. */
const RESPAWN_MS = 50;
const LONGEST_RESPAWN_MS = 5_000;
/** After so long a life the next death counts as the first, ms. */
const HEALTHY_MS = 10_000;
export class Edges {
  readonly #options: EdgesOptions;
  readonly #opened: ConnectionOpened;
  readonly #edges: (Edge | undefined)[];
  readonly #deaths: number[];
  readonly #restarts: number[];
  #stopped = false;

  constructor(options: EdgesOptions, opened: ConnectionOpened) {
    this.#options = options;
    this.#opened = opened;
    this.#edges = new Array(options.count).fill(undefined);
    this.#deaths = new Array(options.count).fill(0);
    this.#restarts = new Array(options.count).fill(0);
  }

  stats(): readonly EdgeStats[] {
    return this.#edges.map((edge, index) => ({
      pid: edge?.pid,
      ready: edge?.ready ?? false,
      connections: edge?.size ?? 0,
      restarts: this.#restarts[index] ?? 0,
    }));
  }

  /** Resolves when each of them takes connections. @throws Error where one cannot be started */
  async start(): Promise<void> {
    this.#stopped = false;
    try {
      await Promise.all(this.#edges.map((_, index) => this.#spawn(index)));
    } catch (cause) {
      // Nobody tries again for a server that did not start.
      await this.stop();
      throw cause;
    }
  }

  /** A connection that came in, of which nothing was read. */
  give(socket: Socket, listener: string | undefined): void {
    let chosen: Edge | undefined;
    for (const edge of this.#edges) {
      if (edge?.ready && (chosen === undefined || edge.size < chosen.size)) chosen = edge;
    }
    // All have died at once: the client tries again, and one is back by then.
    if (chosen === undefined) socket.destroy();
    else chosen.give(socket, listener);
  }

  reloadTls(): void {
    for (const edge of this.#edges) edge?.reloadTls();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#edges.map((edge) => edge?.stop()));
  }

  async #spawn(index: number): Promise<void> {
    const { clock, log } = this.#options;
    const startedAt = clock.now();
    let edge: Edge | undefined;
    const died = (why: string) => {
      if (this.#edges[index] === edge) this.#edges[index] = undefined;
      if (this.#stopped) return;
      if (clock.now() - startedAt > HEALTHY_MS) this.#deaths[index] = 0;
      const deaths = (this.#deaths[index] ?? 0) + 1;
      this.#deaths[index] = deaths;
      const inMs = Math.min(RESPAWN_MS * 2 ** (deaths - 1), LONGEST_RESPAWN_MS);
      log.error(`gRPC edge ${index} ended: its clients connect again, to others`, { why, inMs });
      clock.after(inMs, () => {
        if (this.#stopped) return;
        this.#restarts[index] = (this.#restarts[index] ?? 0) + 1;
        this.#spawn(index).catch((error: unknown) => log.error("gRPC edge", { error }));
      });
    };
    try {
      edge = new Edge(this.#options, this.#opened, died);
    } catch (cause) {
      died(cause instanceof Error ? cause.message : String(cause));
      throw cause;
    }
    this.#edges[index] = edge;
    await edge.started;
  }
}

/** One HTTP listener as a service: starts with a clear error or a port, stops when its answers are out. */
import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Service } from "../lifecycle.ts";
import type { DirectLane } from "./direct/direct-lane.ts";
import type { Secure } from "./secure.ts";

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "Address already in use: stop the program that has this port",
  EACCES: "permission denied: ports below 1024 need a privilege",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "no such name is known here",
};

/** Connections that may wait to be accepted (Node's own is 511). */
const BACKLOG = 4096;

export class HttpListener implements Service {
  readonly name: string;
  readonly #title: string;
  readonly #flag: string;
  readonly #app: FastifyInstance;
  readonly #address: string;
  #port: number;
  #closing: Promise<void> | undefined;
  readonly #inFlight = new Set<IncomingMessage>();
  readonly #direct: DirectLane | undefined;
  readonly #secure: Secure | undefined;

  /**
   * @param title as Triton's log calls it, e.g. `HTTPService`.
   * @param flag what chooses the port, for the remedy of an error.
   * @param direct what takes new connections before `app` does.
   * @param secure what `app` was made with.
   */
  constructor(
    name: string,
    title: string,
    flag: string,
    app: FastifyInstance,
    { address, port }: { readonly address: string; readonly port: number },
    direct?: DirectLane,
    secure?: Secure,
  ) {
    this.name = name;
    this.#title = title;
    this.#flag = flag;
    this.#app = app;
    this.#address = address;
    this.#port = port;
    this.#direct = direct;
    this.#secure = secure;
    direct?.attach(app.server);
    app.addHook("onSend", async (_request, reply) => {
      // Else the client keeps the connection, and the drain waits for it.
      if (this.#closing !== undefined) reply.header("connection", "close");
    });
    app.addHook("onRequest", (request, reply, done) => {
      const { raw } = request;
      this.#inFlight.add(raw);
      // Unlike Fastify's onResponse, this also comes when the client hangs up.
      reply.raw.once("close", () => this.#inFlight.delete(raw));
      done();
    });
  }

  /** True once it takes no new connections. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** The one asked for; once started, the real one. */
  get port(): number {
    return this.#port;
  }

  /** Reads certificate, key and authorities again, for new connections. @throws TlsFileError; then the old ones stay */
  reloadTls(): void {
    this.#secure?.reload();
  }

  /** @throws Error that names address, port and remedy, or what is wrong with a file of TLS */
  async start(): Promise<void> {
    this.reloadTls();
    try {
      await this.#app.listen({ host: await this.#host(), port: this.#port, backlog: BACKLOG });
    } catch (cause) {
      await this.#app.close();
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new Error(
        `${this.#title} cannot listen on ${this.#address}:${this.#port}: ` +
          `${REASONS[code ?? ""] ?? message}, or choose another with ${this.#flag} ` +
          "(0 picks a free one)",
        { cause },
      );
    }
    this.#port = (this.#app.server.address() as AddressInfo).port;
  }

  /**
   * For `localhost` Fastify makes a second server, on ::1, of which nobody here knows: without the direct lane, the watch
   * over clients that do not read, and TLS. One address it is, that of IPv4 where there are both.
   */
  async #host(): Promise<string> {
    if (isIP(this.#address) !== 0) return this.#address;
    return (await lookup(this.#address, { order: "ipv4first" })).address;
  }

  /** Takes no new connections; resolves when every answer is out. */
  drain(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.resolve(this.#app.close());
      this.#direct?.drain();
    }
    return this.#closing;
  }

  inFlight(): readonly string[] {
    const ofNode = Array.from(
      this.#inFlight,
      ({ method, url, socket }) => `${method} ${url} from ${socket.remoteAddress}`,
    );
    return [...ofNode, ...(this.#direct?.inFlight() ?? [])];
  }

  /** Cuts off whoever is still connected. */
  async stop(): Promise<void> {
    const closed = this.drain();
    this.#app.server.closeAllConnections();
    this.#direct?.destroyAll();
    this.#secure?.cut();
    await closed;
  }
}

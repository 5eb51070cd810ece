/**
 * The port where servers join that nobody can call: jobs of a batch system on nodes without
 * inbound connections. Each takes a place (`place.ts`) for as long as its first connection lives.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { Place } from "./place.ts";
import { ENDED, type Line, newNonce, nextLine, PROTOCOL, proofOf, proves, say } from "./words.ts";

/** Whoever has connected says within this time who it is. */
const GREETING_MS = 10_000;
/**
 * Connections that have not said who they are, at a time; one more ends the oldest of them. Whoever knows the secret has proven it
 * within a round trip, so that strangers who only hold connections take neither the port from servers nor descriptors from the gateway.
 */
const MOST_STRANGERS = 256;
/** Time between two signs of life of a server that has joined; it is gone after three. */
const PING_MS = 5_000;
const SILENCE_MS = 3 * PING_MS;
const LONGEST_NAME = 128;

export interface DialInParts {
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Servers that may have joined at a time. */
  readonly places: number;
  readonly secret: Uint8Array;
  /** PEM; absent: connections are not encrypted. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A place as operators see it. */
export interface PlaceReport {
  readonly place: string;
  readonly state: "vacant" | "joined" | "leaving";
  /** Of the server that stands there. */
  readonly server?: string;
  /** Until its batch job ends, s; Infinity: nobody said. */
  readonly remainingSeconds: number;
}

export class DialIn implements Service {
  readonly name = "dial-in";
  readonly #parts: DialInParts;
  readonly #folder: string;
  readonly #places: readonly Place[];
  readonly #sockets = new Set<Socket>();
  /** Raw sockets, also of those that are still at their TLS handshake; the oldest first. */
  readonly #strangers = new Map<string, Socket>();
  #shedding = false;
  readonly #listeners = new Set<(place: string) => void>();
  #server: Server | undefined;

  constructor(parts: DialInParts) {
    this.#parts = parts;
    this.#folder = mkdtempSync(join(tmpdir(), "beamgate-dial-in-"));
    this.#places = Array.from({ length: parts.places }, (_, index) => {
      const name = `dial-in-${index + 1}`;
      return new Place(name, join(this.#folder, name));
    });
  }

  /** The places as the backend `remote` names servers. */
  get servers(): readonly string[] {
    return this.#places.map(({ name, path }) => `${name}=unix:${path}`);
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  /** @param joined told the name of a place on which a server stands from now on. @returns what ends that */
  watch(joined: (place: string) => void): () => void {
    this.#listeners.add(joined);
    return () => this.#listeners.delete(joined);
  }

  places(): readonly PlaceReport[] {
    const now = this.#parts.clock.now();
    return this.#places.map(({ name: place, joined, leaving }) => {
      if (joined === undefined) {
        return { place, state: "vacant", remainingSeconds: Number.POSITIVE_INFINITY };
      }
      const { name: server, endsAt } = joined;
      const remainingSeconds = Math.max(0, endsAt - now) / 1000;
      return { place, state: leaving ? "leaving" : "joined", server, remainingSeconds };
    });
  }

  async start(): Promise<void> {
    for (const place of this.#places) await place.listen();
    const { address, port, tls, log } = this.#parts;
    const taken = (socket: Socket) => void this.#take(socket);
    const server = tls
      ? createTlsServer({ ...tls, handshakeTimeout: GREETING_MS }, taken)
      : createServer(taken);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      this.#meet(socket);
      const peer = peerOf(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#strangers.delete(peer);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => {
        const reason = `cannot listen for servers that join on ${address}:${port}: ${cause.message}`;
        reject(new StatusError("UNAVAILABLE", `${reason} (dialIn.port)`, { cause }));
      });
      server.listen(port, address, resolve);
    });
    server.removeAllListeners("error").on("error", (error) => log.error("dial-in", { error }));
    log.info(`Started DialInService at ${address}:${this.port}`);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    const closed = server?.listening && new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, ...this.#places.map((place) => place.close())]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #meet(socket: Socket): void {
    const [oldest] = this.#strangers;
    if (oldest !== undefined && this.#strangers.size >= MOST_STRANGERS) {
      this.#strangers.delete(oldest[0]);
      oldest[1].destroy();
      if (!this.#shedding) {
        this.#parts.log.warn(
          `${MOST_STRANGERS} connections to the dial-in port say nothing: the oldest are ended`,
        );
      }
      this.#shedding = true;
    }
    this.#strangers.set(peerOf(socket), socket);
  }

  /** It has proven that it knows the secret. */
  #recognise(socket: Socket): void {
    this.#strangers.delete(peerOf(socket));
    if (this.#strangers.size < MOST_STRANGERS / 2) this.#shedding = false;
  }

  async #take(socket: Socket): Promise<void> {
    const peer = peerOf(socket);
    socket.on("error", () => socket.destroy());
    const nonce = newNonce();
    say(socket, { protocol: PROTOCOL, nonce });
    try {
      const line = await nextLine(socket, GREETING_MS);
      if (typeof line.join === "string") this.#joins(socket, nonce, line, line.join);
      else if (typeof line.link === "string") this.#links(socket, nonce, line, line.link);
      else throw new Error("it neither joins nor links");
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      // Port scanners come and go without a word; a line for each would be all that the log has.
      const level = reason === ENDED ? "debug" : "warn";
      this.#parts.log[level](`${peer} did not join: ${reason}`);
      refuse(socket, reason);
    }
  }

  #joins(socket: Socket, nonce: string, line: Line, name: string): void {
    const { secret, clock, log } = this.#parts;
    if (!proves(line.proof, proofOf(secret, "join", nonce, name))) throw new Error(WRONG_SECRET);
    if (!/^[\w.:@-]+$/.test(name) || name.length > LONGEST_NAME) {
      throw new Error(`'${name.slice(0, LONGEST_NAME)}' is no name: letters, digits, _ . : @ -`);
    }
    const { remainingMs = Number.POSITIVE_INFINITY, nonce: theirs } = line;
    if (typeof remainingMs !== "number" || typeof theirs !== "string") {
      throw new Error("it has not said how long it stays");
    }
    const place = this.#places.find(({ joined }) => joined === undefined);
    if (place === undefined) {
      throw new Error(`all ${this.#places.length} places are taken (dialIn.places)`);
    }
    this.#recognise(socket);
    const peer = peerOf(socket);
    place.join({
      name,
      endsAt: clock.now() + remainingMs,
      dial: (key) => say(socket, { link: key }),
    });
    say(socket, { place: place.name, proof: proofOf(secret, "welcome", theirs, place.name) });
    const stay = Number.isFinite(remainingMs) ? ` for ${Math.round(remainingMs / 1000)} s` : "";
    log.info(`${name} joined from ${peer} and stands on ${place.name}${stay}`);
    for (const listener of this.#listeners) listener(place.name);
    void this.#attend(socket, place).then((reason) => {
      place.vacate();
      socket.destroy();
      log.info(`${name} has left ${place.name}: ${reason}`);
    });
  }

  /** Listens to a server until it is gone. @returns why. Never rejects. */
  async #attend(socket: Socket, place: Place): Promise<string> {
    const ping = setInterval(() => say(socket, { ping: true }), PING_MS);
    try {
      for (;;) {
        const line = await nextLine(socket, SILENCE_MS);
        if (line.leaving === true) place.leave();
      }
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      clearInterval(ping);
    }
  }

  #links(socket: Socket, nonce: string, line: Line, key: string): void {
    const { secret } = this.#parts;
    if (!proves(line.proof, proofOf(secret, "link", nonce, key))) throw new Error(WRONG_SECRET);
    this.#recognise(socket);
    for (const place of this.#places) {
      const caller = place.take(key);
      if (caller === undefined) continue;
      const proof = proofOf(secret, "welcome", String(line.nonce), place.name);
      say(socket, { place: place.name, proof });
      place.connect(caller, socket);
      return;
    }
    // Whoever asked has hung up meanwhile.
    socket.destroy();
  }
}

const WRONG_SECRET = "it has another secret (dialIn.secretFile here, join.secretFile there)";

function refuse(socket: Socket, reason: string): void {
  say(socket, { error: reason });
  socket.destroySoon();
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

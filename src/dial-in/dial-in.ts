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
import { RefusalLog } from "./refusal-log.ts";
import { MOST_STRANGERS, peerOf, Strangers } from "./strangers.ts";
import { ENDED, type Line, newNonce, nextLine, PROTOCOL, proofOf, proves, say } from "./words.ts";

/** Whoever has connected says within this time who it is. */
const GREETING_MS = 10_000;
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
  /** Within which whoever has connected proves that he knows the secret, his TLS handshake as long again, ms; absent: 10 s. */
  readonly greetingMs?: number;
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
  readonly #strangers = new Strangers();
  readonly #refusals: RefusalLog;
  #shedding = false;
  readonly #listeners = new Set<(place: string) => void>();
  #server: Server | undefined;

  constructor(parts: DialInParts) {
    this.#parts = parts;
    this.#refusals = new RefusalLog(parts.log, () => parts.clock.now());
    this.#folder = mkdtempSync(join(tmpdir(), "beamgate-dial-in-"));
    this.#places = Array.from({ length: parts.places }, (_, index) => {
      const name = `dial-in-${index + 1}`;
      return new Place(name, join(this.#folder, name));
    });
  }

  get #greetingMs(): number {
    return this.#parts.greetingMs ?? GREETING_MS;
  }

  /** The places as the backend `remote` names servers. */
  get servers(): readonly string[] {
    return this.#places.map(({ name, path }) => `${name}=unix:${path}`);
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Connections that have not said who they are. */
  get strangers(): number {
    return this.#strangers.count;
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
      ? createTlsServer({ ...tls, handshakeTimeout: this.#greetingMs }, taken)
      : createServer(taken);
    // One whose handshake was not over in time is told of, and is still there.
    server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      this.#meet(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => this.#sockets.delete(socket));
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
    const network = this.#strangers.meet(socket);
    if (network === undefined) return;
    if (!this.#shedding) {
      this.#parts.log.warn(
        `${this.#strangers.count} connections to the dial-in port say nothing: the oldest of ${network} are ended`,
      );
    }
    this.#shedding = true;
  }

  /** It has proven that it knows the secret. */
  #recognise(socket: Socket): void {
    this.#strangers.recognise(socket);
    if (this.#strangers.count < MOST_STRANGERS / 8) this.#shedding = false;
  }

  async #take(socket: Socket): Promise<void> {
    const peer = peerOf(socket);
    socket.on("error", () => socket.destroy());
    const nonce = newNonce();
    say(socket, { protocol: PROTOCOL, nonce });
    try {
      const line = await nextLine(socket, this.#greetingMs);
      if (typeof line.join === "string") this.#joins(socket, nonce, line, line.join);
      else if (typeof line.link === "string") this.#links(socket, nonce, line, line.link);
      else throw new Error("it neither joins nor links");
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      // Port scanners come and go without a word: that is no news at all.
      if (reason === ENDED) this.#parts.log.debug(`${peer} did not join: ${reason}`);
      else this.#refusals.tell(peer, reason);
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
    if (remainingMs <= 0) throw new Error("its time is over already (join.walltimeSecs there)");
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

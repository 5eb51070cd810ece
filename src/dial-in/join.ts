/**
 * The far side of `dial-in.ts`: a server that calls a gateway instead of being called. Its
 * connections are given to the gRPC server as if they had come in. It says when it will leave,
 * and leaves before its batch job is ended for it.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../clock.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { type Line, newNonce, nextLine, PROTOCOL, proofOf, proves, say } from "./words.ts";

const GREETING_MS = 10_000;
/** The gateway pings every 5 s. */
const SILENCE_MS = 15_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
/** So long the gateway is given to notice that models here are not ready any more. */
const NOTICE_MS = 2_500;

export interface JoinParts {
  /** `host:port` of the gateway's dial-in port. */
  readonly gateway: string;
  /** Seen by operators, e.g. the batch job's id. */
  readonly serverName: string;
  readonly secret: Uint8Array;
  /** `ca`: PEM, absent: the authorities that Node trusts. Absent: not encrypted. */
  readonly tls?: { readonly ca?: Buffer | undefined } | undefined;
  /** From now, ms; absent: it stays until it is stopped. */
  readonly stayMs?: number | undefined;
  /** So long before its end it begins to leave, ms; at most half of `stayMs`. */
  readonly leaveMs: number;
  /** Serves gRPC on a connection. */
  serve(socket: Socket): void;
  /** Its time is over: the process should stop, as if it had been told to. */
  over(reason: string): void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Join implements Service {
  readonly name = "join";
  readonly #parts: JoinParts;
  readonly #endsAt: number;
  readonly #sockets = new Set<Socket>();
  #control: Socket | undefined;
  #leaving = false;
  #stopped = false;
  #wake = () => {};
  #cancelLeave = () => {};

  constructor(parts: JoinParts) {
    this.#parts = parts;
    const { stayMs = Number.POSITIVE_INFINITY, clock } = parts;
    this.#endsAt = clock.now() + stayMs;
  }

  /** True: models here count as not ready, so that nothing new is sent. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** The gateway need not be there yet: it is called until it answers. */
  async start(): Promise<void> {
    const { stayMs, leaveMs, clock, over } = this.#parts;
    if (stayMs !== undefined) {
      const before = Math.min(leaveMs, stayMs / 2);
      const leaveIn = Math.max(0, this.#endsAt - before - clock.now());
      this.#cancelLeave = clock.after(leaveIn, () =>
        over(`the batch job ends in ${Math.round(before / 1000)} s`),
      );
    }
    void this.#stay();
  }

  async drain(): Promise<void> {
    this.#leaving = true;
    this.#cancelLeave();
    if (this.#control === undefined) return;
    say(this.#control, { leaving: true });
    await new Promise<void>((resolve) => {
      this.#parts.clock.after(NOTICE_MS, resolve);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLeave();
    this.#wake();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #stay(): Promise<void> {
    const { gateway, log } = this.#parts;
    let pauseMs = FIRST_RETRY_MS;
    while (!this.#stopped) {
      const reason = await this.#joinOnce(() => {
        pauseMs = FIRST_RETRY_MS;
      });
      if (this.#stopped || this.#leaving) return;
      log.warn(`not joined with ${gateway}: ${reason}; trying again in ${pauseMs / 1000} s`);
      await this.#pause(pauseMs);
      pauseMs = Math.min(LONGEST_RETRY_MS, 2 * pauseMs);
    }
  }

  /** @returns why it is over. Never rejects. */
  async #joinOnce(welcomed: () => void): Promise<string> {
    const { gateway, serverName, clock, log } = this.#parts;
    let socket: Socket | undefined;
    try {
      socket = await this.#dial("join", serverName, this.#endsAt - clock.now());
      this.#control = socket;
      welcomed();
      log.info(`joined with ${gateway} as ${serverName}`);
      if (this.#leaving) say(socket, { leaving: true });
      for (;;) {
        const line = await nextLine(socket, SILENCE_MS);
        if (line.ping === true) say(socket, { pong: true });
        else if (typeof line.link === "string") void this.#link(line.link);
      }
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      this.#control = undefined;
      socket?.destroy();
    }
  }

  async #link(key: string): Promise<void> {
    try {
      const socket = await this.#dial("link", key);
      this.#parts.serve(socket);
    } catch (thrown) {
      // The gateway's caller waits for a few seconds, then asks again.
      this.#parts.log.warn(`a connection of the gateway could not be dialled: ${thrown}`);
    }
  }

  /** @param what proven, with the name or key that is meant; Infinity is left out. @returns a connection past its greetings */
  async #dial(what: "join" | "link", which: string, remainingMs?: number): Promise<Socket> {
    const { secret } = this.#parts;
    const socket = this.#connect();
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      const greeting = await nextLine(socket, GREETING_MS);
      const theirs = greeting.nonce;
      if (greeting.protocol !== PROTOCOL || typeof theirs !== "string") {
        throw new Error(`it does not speak protocol ${PROTOCOL} of dial-in ports`);
      }
      const nonce = newNonce();
      const proof = proofOf(secret, what, theirs, which);
      const finite = remainingMs !== undefined && Number.isFinite(remainingMs);
      say(socket, { [what]: which, nonce, proof, ...(finite && { remainingMs }) });
      checkWelcome(await nextLine(socket, GREETING_MS), (place) =>
        proofOf(secret, "welcome", nonce, place),
      );
      return socket;
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  #connect(): Socket {
    const { gateway, tls } = this.#parts;
    const colon = gateway.lastIndexOf(":");
    const host = gateway.slice(0, colon).replace(/^\[|\]$/g, "");
    const port = Number(gateway.slice(colon + 1));
    if (tls === undefined) return connectTcp({ host, port, noDelay: true });
    return connectTls({ host, port, servername: host, ...(tls.ca && { ca: tls.ca }) });
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(pauseMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function checkWelcome({ place, proof, error }: Line, proofFor: (place: string) => string): void {
  if (typeof error === "string") throw new Error(error);
  if (typeof place !== "string" || !proves(proof, proofFor(place))) {
    throw new Error("the gateway does not know the secret (join.secretFile)");
  }
}

/**
 * One client connection: keepalive, age, and the rules whose breaking costs the
 * client its connection (never anybody else's).
 */
import type { Clock } from "../../clock.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { Logger } from "../../logger.ts";
import type { Origin } from "../../tenants/origin.ts";
import { ErrorCode } from "../http2/protocol.ts";
import type { KeepaliveOptions } from "./options.ts";

export interface ConnectionOptions {
  readonly keepalive: KeepaliveOptions;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is asked of the HTTP/2 connection. */
export interface Link {
  /** Was asked to open no more streams. */
  readonly leaving: boolean;
  readonly closed: boolean;
  /** Its socket takes nothing more at the moment. */
  readonly stuck: boolean;
  /** Grows with every frame of an answer. */
  readonly progress: number;
  /** `Clock.now` ms when what came last was read. */
  readonly readAt: number;
  leave(): void;
  cut(): void;
  refuse(code: number, reason: string): void;
  ping(pong: () => void): void;
}

/**
 * Small fragments of messages forgiven: this many, and some more for whole messages
 * and for bytes. Honest clients send them too, whenever a flow-control window has a
 * few bytes left.
 */
const FREE_FRAGMENTS = 1_000;
const FRAGMENTS_PER_MESSAGE = 8;
const BYTES_PER_FRAGMENT = 1_024;
/** gRPC's own limit where no call is open and PINGs without calls are not permitted. */
const IDLE_PING_INTERVAL_MS = 7_200_000;

export class Connection implements ClientConnection {
  readonly peer: string;
  openCalls = 0;
  /** Whole messages received. */
  messages = 0;
  /** Messages that were ended because they came in too slowly while others waited. */
  slowMessages = 0;
  /** What it brings along that says whose it is; undefined: nobody asks. */
  readonly origin: Origin | undefined;
  /** Answers begun; lets keepalive go on. */
  answers = 0;
  readonly #link: Link;
  readonly #options: ConnectionOptions;
  #fragments = 0;
  #bytes = 0;
  #pingStrikes = 0;
  #lastPingAt = Number.NEGATIVE_INFINITY;
  #progressAtLastPing = 0;
  #answersAtLastSentPing = 0;
  #pingsWithoutData = 0;
  #disarmKeepalive: (() => void) | undefined;
  #disarmPong: (() => void) | undefined;
  #disarmAge: (() => void) | undefined;
  #gone = false;
  #tellGone: (() => void)[] | undefined;

  /** @param peer address and port of the client. */
  constructor(link: Link, peer: string, options: ConnectionOptions, origin?: Origin) {
    this.#link = link;
    this.origin = origin;
    this.peer = peer;
    this.#options = options;
    this.#armKeepalive();
    this.#armAge();
  }

  /** Counts a chunk. @param fragment true for one so small that its frame cost more than it brought. */
  received(bytes: number, fragment: boolean): void {
    this.#bytes += bytes;
    if (!fragment || ++this.#fragments <= FREE_FRAGMENTS) return;
    const forgiven =
      FREE_FRAGMENTS + this.messages * FRAGMENTS_PER_MESSAGE + this.#bytes / BYTES_PER_FRAGMENT;
    if (this.#fragments > forgiven) this.#calm("too many tiny DATA frames");
  }

  /** Lets the open calls finish, takes no new ones. */
  leave(): void {
    this.#link.leave();
  }

  get leaving(): boolean {
    return this.#link.leaving;
  }

  get stuck(): boolean {
    return this.#link.stuck;
  }

  /** See `Link.readAt`: one look at the clock for all that came together. */
  get readAt(): number {
    return this.#link.readAt;
  }

  cut(): void {
    this.#link.cut();
  }

  #calm(reason: string): void {
    if (this.#link.closed) return;
    this.#options.log.warn("gRPC connection closed", { peer: this.peer, reason });
    this.#link.refuse(ErrorCode.ENHANCE_YOUR_CALM, reason);
  }

  pinged(): void {
    const { maxPingStrikes, minReceivedPingIntervalMs, permitWithoutCalls } =
      this.#options.keepalive;
    const now = this.#options.clock.now();
    const intervalMs =
      this.openCalls === 0 && !permitWithoutCalls
        ? IDLE_PING_INTERVAL_MS
        : minReceivedPingIntervalMs;
    // gRPC's C core asks for the round trip time while it receives: that is no abuse.
    if (this.#link.progress !== this.#progressAtLastPing) this.#pingStrikes = 0;
    else if (now - this.#lastPingAt < intervalMs) this.#pingStrikes++;
    this.#progressAtLastPing = this.#link.progress;
    this.#lastPingAt = now;
    if (maxPingStrikes > 0 && this.#pingStrikes > maxPingStrikes) this.#calm("too_many_pings");
  }

  #armKeepalive(): void {
    const { timeMs } = this.#options.keepalive;
    if (timeMs <= 0 || !Number.isFinite(timeMs)) return;
    this.#disarmKeepalive = this.#options.clock.after(timeMs, () => {
      this.#ping();
      this.#armKeepalive();
    });
  }

  #ping(): void {
    const { permitWithoutCalls, maxPingsWithoutData, timeoutMs } = this.#options.keepalive;
    if (this.#link.closed || this.#disarmPong) return;
    if (this.openCalls === 0 && !permitWithoutCalls) return;
    if (this.answers !== this.#answersAtLastSentPing) this.#pingsWithoutData = 0;
    this.#answersAtLastSentPing = this.answers;
    if (maxPingsWithoutData > 0 && this.#pingsWithoutData >= maxPingsWithoutData) return;
    this.#pingsWithoutData++;
    this.#disarmPong = this.#options.clock.after(timeoutMs, () => {
      this.#options.log.info("gRPC connection cut: no answer to keepalive", { peer: this.peer });
      this.cut();
    });
    this.#link.ping(() => {
      this.#disarmPong?.();
      this.#disarmPong = undefined;
    });
  }

  #armAge(): void {
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs, clock } = this.#options;
    if (maxConnectionAgeMs <= 0 || !Number.isFinite(maxConnectionAgeMs)) return;
    // Spread by a tenth, so that clients that came together do not return together.
    this.#disarmAge = clock.after(maxConnectionAgeMs * (0.9 + 0.2 * Math.random()), () => {
      this.leave();
      if (maxConnectionAgeGraceMs <= 0 || !Number.isFinite(maxConnectionAgeGraceMs)) return;
      this.#disarmAge = clock.after(maxConnectionAgeGraceMs, () => this.cut());
    });
  }

  get gone(): boolean {
    return this.#gone;
  }

  whenGone(tell: () => void): void {
    this.#tellGone ??= [];
    this.#tellGone.push(tell);
  }

  closed(): void {
    this.#gone = true;
    for (const tell of this.#tellGone ?? []) tell();
    this.#tellGone = undefined;
    this.#disarmKeepalive?.();
    this.#disarmPong?.();
    this.#disarmAge?.();
  }
}

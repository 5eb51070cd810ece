/**
 * Ordered start, reverse-ordered stop, one deadline for the work in flight.
 *
 * States: stopped → starting → ready → draining → stopped; a start that fails
 * or is called off ends in `failed` or `stopped` with everything taken down again.
 */
import { type Clock, systemClock } from "./clock.ts";
import { type Logger, silent } from "./logger.ts";

export interface Service {
  readonly name: string;
  /**
   * May be called again after `stop`. What a failed start had taken, it gives back itself.
   * @param signal aborted when the start is called off; may be ignored where starting is quick.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Stop taking work; resolves when what was in flight is finished. */
  drain?(): Promise<void>;
  /** What is not finished yet, for the log: one phrase each. */
  inFlight?(): readonly string[];
  /** Ends at once, whatever is in flight. Also called after a drain that did not end in time. */
  stop(): Promise<void>;
}

export type State = "stopped" | "starting" | "ready" | "draining" | "failed";

export interface LifecycleOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Longest time one service's `stop` is waited for, ms. */
  readonly stopTimeoutMs?: number;
}

const STOP_TIMEOUT_MS = 5000;
const NAMED_AT_MOST = 10;

export class Lifecycle {
  #state: State = "stopped";
  readonly #services: readonly Service[];
  readonly #started: Service[] = [];
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #stopTimeoutMs: number;
  #starting: { readonly done: Promise<void>; readonly callOff: AbortController } | undefined;
  #stopping: Promise<void> | undefined;

  /** @param services in the order of their start. */
  constructor(services: readonly Service[], options: LifecycleOptions = {}) {
    this.#services = services;
    this.#log = options.log ?? silent;
    this.#clock = options.clock ?? systemClock;
    this.#stopTimeoutMs = options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
  }

  get state(): State {
    return this.#state;
  }

  /**
   * Starts every service, or none.
   * @throws what the first failing service threw, after those before it were stopped
   */
  start(): Promise<void> {
    if (this.#state !== "stopped" && this.#state !== "failed") {
      return Promise.reject(new Error(`cannot start while ${this.#state}`));
    }
    this.#state = "starting";
    const callOff = new AbortController();
    const done = this.#startAll(callOff.signal);
    this.#starting = { done, callOff };
    return done;
  }

  /**
   * Drains in reverse order, then stops in reverse order; never rejects. A
   * start still under way is called off. A second call joins the first.
   * @param drainTimeoutMs time all drains together may take.
   */
  stop(drainTimeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#stopping ??= this.#stopAll(drainTimeoutMs).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #startAll(signal: AbortSignal): Promise<void> {
    try {
      for (const service of this.#services) {
        await service.start(signal);
        this.#started.push(service);
        signal.throwIfAborted();
      }
      this.#state = "ready";
    } catch (cause) {
      await this.#stopStarted();
      this.#state = signal.aborted ? "stopped" : "failed";
      throw cause;
    }
  }

  async #stopAll(drainTimeoutMs: number): Promise<void> {
    if (this.#state === "starting") {
      this.#starting?.callOff.abort(new Error("stopped before it had started"));
      await this.#starting?.done.catch(() => {}); // its caller hears of it
    }
    if (this.#state !== "ready") return;
    this.#state = "draining";
    const deadline = this.#clock.now() + drainTimeoutMs;
    for (const service of this.#started.toReversed()) {
      await this.#drain(service, deadline - this.#clock.now());
    }
    await this.#stopStarted();
    this.#state = "stopped";
  }

  async #drain(service: Service, leftMs: number): Promise<void> {
    if (service.drain === undefined) return;
    if (await this.#within(leftMs, service, "drain", service.drain.bind(service))) return;
    const names = service.inFlight?.() ?? [];
    this.#log.warn(`${service.name} did not finish in time and is cut off`, {
      inFlight: names.length,
      first: names.slice(0, NAMED_AT_MOST),
    });
  }

  /** One that fails or hangs never keeps the others from being stopped. */
  async #stopStarted(): Promise<void> {
    for (let service = this.#started.pop(); service; service = this.#started.pop()) {
      const stopped = await this.#within(
        this.#stopTimeoutMs,
        service,
        "stop",
        service.stop.bind(service),
      );
      if (!stopped) this.#log.error(`${service.name} did not stop and is left behind`);
    }
  }

  /** @returns false where `act` had not settled after `timeoutMs`; a failure is logged and counts as settled. */
  async #within(
    timeoutMs: number,
    service: Service,
    what: string,
    act: () => Promise<void>,
  ): Promise<boolean> {
    const settled = (async () => act())().then(
      () => true,
      (error: unknown) => {
        this.#log.error(`${service.name} failed to ${what}`, { error });
        return true;
      },
    );
    if (timeoutMs === Number.POSITIVE_INFINITY) return settled;
    let cancel = () => {};
    const late = new Promise<false>((resolve) => {
      cancel = this.#clock.after(Math.max(0, timeoutMs), () => resolve(false));
    });
    return Promise.race([settled, late]).finally(() => cancel());
  }
}

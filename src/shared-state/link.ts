/**
 * The link to Redis: commands that end fast, and whether it answers, told once.
 *
 * Only timers of this room send commands, and what they learn is read as snapshots: a request of a client can
 * neither send one nor wait for one.
 */
import type { Redis } from "ioredis";
import type { Logger } from "../logger.ts";
import { redisClient } from "./connect.ts";
import { SCRIPTS, type ScriptName, scriptText } from "./scripts.ts";
import type { RedisSettings } from "./settings.ts";

/** degraded: there is a connection, but commands fail or are not answered in time. */
export type LinkState = "up" | "degraded" | "down";

export interface LinkParts {
  readonly settings: RedisSettings;
  /** Monotonic ms. */
  now(): number;
  readonly log: Logger;
}

export interface LinkCounts {
  readonly commands: number;
  readonly failures: number;
}

type Command = (...args: (string | number)[]) => Promise<unknown>;

export class Link {
  readonly #parts: LinkParts;
  readonly #client: Redis;
  /** Why the newest connection came to nothing; a command says only that there is none. */
  #trouble: string | undefined;
  #subscriber: Redis | undefined;
  #state: LinkState | undefined;
  #since: number;
  #commands = 0;
  #failures = 0;

  /** @throws StatusError INVALID_ARGUMENT where a file that the settings name cannot be read */
  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#client = redisClient(parts.settings, { untimed: true });
    this.#since = parts.now();
    this.#client.on("error", ({ message, reason }: Error & { readonly reason?: string }) => {
      // OpenSSL's messages are lines about its own source; its reason is for people.
      this.#trouble = reason ?? message;
    });
    this.#client.on("ready", () => {
      this.#trouble = undefined;
    });
    for (const [name, { keys }] of Object.entries(SCRIPTS)) {
      this.#client.defineCommand(name, { numberOfKeys: keys, lua: scriptText(name as ScriptName) });
    }
  }

  /** Resolves with the first connection, or when it is known that there is none now. Never rejects. */
  open(): Promise<void> {
    return this.#client.connect().catch(() => undefined);
  }

  get state(): LinkState {
    return this.#state ?? "down";
  }

  /** Since when it is so, monotonic ms. */
  get since(): number {
    return this.#since;
  }

  get counts(): LinkCounts {
    return { commands: this.#commands, failures: this.#failures };
  }

  /** `name` with the prefix of this cluster; all keys of a cluster lie in one slot. */
  key(name: string): string {
    return `{${this.#parts.settings.prefix}}:${name}`;
  }

  /** @throws Error within the command's timeout, where Redis does not answer or refuses */
  script(name: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    const command = Reflect.get(this.#client, name) as Command;
    return this.#told(() => command.apply(this.#client, args));
  }

  publish(channel: string, message: string): Promise<unknown> {
    return this.#told(() => this.#client.publish(this.key(channel), message));
  }

  /**
   * Hears a channel on a connection of its own, again after every reconnect.
   * @param subscribed messages before this may have been lost
   */
  subscribe(channel: string, heard: (message: string) => void, subscribed: () => void): void {
    const subscriber = redisClient(this.#parts.settings);
    this.#subscriber = subscriber;
    subscriber.on("message", (_, message: string) => heard(message));
    subscriber.on("ready", () => {
      subscriber.subscribe(this.key(channel)).then(subscribed, () => undefined);
    });
    void subscriber.connect().catch(() => undefined);
  }

  /** A connection that only listens does not notice that its Redis hangs. */
  async pingSubscriber(): Promise<void> {
    await this.#subscriber?.ping().catch(() => undefined);
  }

  close(): void {
    this.#client.disconnect();
    this.#subscriber?.disconnect();
  }

  async #told<T>(command: () => Promise<T>): Promise<T> {
    this.#commands += 1;
    try {
      const answer = await inTime(command(), this.#parts.settings.commandTimeoutMs);
      this.#become("up", "");
      return answer;
    } catch (thrown) {
      this.#failures += 1;
      const told = thrown instanceof Error ? thrown.message : String(thrown);
      const connected = isConnected(this.#client, thrown);
      this.#become(
        connected ? "degraded" : "down",
        (connected ? undefined : this.#trouble) ?? told,
      );
      throw thrown;
    }
  }

  #become(state: LinkState, reason: string): void {
    if (state === this.#state) return;
    const { now, log } = this.#parts;
    const before = this.#state;
    const seconds = ((now() - this.#since) / 1000).toFixed(1);
    this.#state = state;
    this.#since = now();
    if (state !== "up") {
      log.warn(
        `Redis is ${state === "down" ? "away" : "connected, but does not do its work"} (${reason}): ` +
          "inference goes on; the list of gateways is the last known, quotas are divided evenly, " +
          "and changes of the registry are found by looking",
      );
    } else if (before === undefined) log.info("Redis answers");
    else log.info(`Redis answers again, after ${seconds} s`);
  }
}

const TIMED_OUT = "Command timed out";

/**
 * Given up a turn of the event loop after the time is over, when what has arrived meanwhile was read: a gateway that
 * itself stood still would take a Redis that answered at once for one that hangs.
 */
function inTime<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => setImmediate(() => reject(new Error(TIMED_OUT))),
      Math.max(1, limitMs),
    );
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A command may fail before the client has noticed that its connection is gone. */
function isConnected({ status }: Redis, thrown: unknown): boolean {
  const answered = thrown instanceof Error && thrown.name === "ReplyError";
  const late = thrown instanceof Error && thrown.message === TIMED_OUT;
  return status === "ready" && (answered || late);
}

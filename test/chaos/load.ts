/** Clients in closed loops that check every answer and forget no request. */

import { InferClient } from "../support/infer-client.ts";
import type { InferAnswer } from "../support/infer-messages.ts";

export interface Question {
  readonly bytes: Buffer;
  /** @returns what is wrong with the answer; undefined when it is right. */
  check(answer: InferAnswer): string | undefined;
}

export interface Trouble {
  /** When the request was sent, `performance.now()`. */
  readonly sentAt: number;
  readonly endedAt: number;
  readonly message: string;
}

export interface LoadOptions {
  readonly port: number;
  /** Requests waiting for an answer at any time. */
  readonly clients: number;
  /** Connections they share. */
  readonly connections: number;
  /** The next question of client `client`. */
  readonly ask: (client: number, turn: number) => Question;
  /** Of client `client`; it is told the server, too. */
  readonly timeoutMs?: number | ((client: number) => number);
  /** Keeps when each answer came: not for loads of hours. */
  readonly timed?: boolean;
  /** Sent with every request of the client. */
  readonly headers?: (client: number) => Readonly<Record<string, string>>;
}

/** A right answer. */
export interface Timed {
  readonly endedAt: number;
  readonly ms: number;
}

export class Load {
  /** Requests with the right answer. */
  answered = 0;
  longestMs = 0;
  /** Errors and wrong answers. */
  readonly troubles: Trouble[] = [];
  /** Of a load that is `timed`, as they came. */
  readonly times: Timed[] = [];
  /** Send time of every request that has no answer yet. */
  readonly waiting = new Map<symbol, number>();
  #stopped = false;
  readonly #loops: Promise<void>[] = [];
  readonly #connections: InferClient[];

  constructor(options: LoadOptions) {
    this.#connections = Array.from(
      { length: options.connections },
      () => new InferClient(options.port),
    );
    for (let client = 0; client < options.clients; client += 1) {
      const connection = this.#connections[client % options.connections];
      if (connection) this.#loops.push(this.#loop(client, connection, options));
    }
  }

  async #loop(client: number, connection: InferClient, options: LoadOptions): Promise<void> {
    const { timeoutMs } = options;
    const limitMs = typeof timeoutMs === "function" ? timeoutMs(client) : timeoutMs;
    const headers = options.headers?.(client);
    for (let turn = 0; !this.#stopped; turn += 1) {
      const question = options.ask(client, turn);
      const sentAt = performance.now();
      const token = Symbol();
      this.waiting.set(token, sentAt);
      const trouble = await connection
        .infer(question.bytes, limitMs, headers)
        .then((answer) => question.check(answer))
        .catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)));
      this.waiting.delete(token);
      const endedAt = performance.now();
      this.longestMs = Math.max(this.longestMs, endedAt - sentAt);
      if (trouble === undefined) {
        this.answered += 1;
        if (options.timed) this.times.push({ endedAt, ms: endedAt - sentAt });
      } else {
        this.troubles.push({ sentAt, endedAt, message: trouble });
        await new Promise((resolve) => setTimeout(resolve, 50)); // a refused client does not spin
      }
    }
  }

  /** Sends nothing more; resolves after the last answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const connection of this.#connections) connection.close();
  }

  /** How long answers took that came since, ms; 0 where none did. @param share of them that took no longer */
  within(share: number, since: number, until = performance.now()): number {
    const took = this.times
      .filter(({ endedAt }) => endedAt >= since && endedAt < until)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    return took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? 0;
  }

  /** The first few troubles, for a message. */
  describeTroubles(): string {
    const kinds = new Map<string, number>();
    for (const { message } of this.troubles) kinds.set(message, (kinds.get(message) ?? 0) + 1);
    return [...kinds]
      .slice(0, 5)
      .map(([message, count]) => `${count} × ${message}`)
      .join("; ");
  }
}

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
  readonly timeoutMs?: number;
}

export class Load {
  /** Requests with the right answer. */
  answered = 0;
  longestMs = 0;
  /** Errors and wrong answers. */
  readonly troubles: Trouble[] = [];
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
    for (let turn = 0; !this.#stopped; turn += 1) {
      const question = options.ask(client, turn);
      const sentAt = performance.now();
      const token = Symbol();
      this.waiting.set(token, sentAt);
      const trouble = await connection
        .infer(question.bytes, options.timeoutMs)
        .then((answer) => question.check(answer))
        .catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)));
      this.waiting.delete(token);
      const endedAt = performance.now();
      this.longestMs = Math.max(this.longestMs, endedAt - sentAt);
      if (trouble === undefined) this.answered += 1;
      else {
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

/** Clients of several tenants in closed loops, who remember what they asked for and what they were answered. */
import { status } from "@grpc/grpc-js";
import { InferClient } from "../../support/infer-client.ts";
import { identityQuestion } from "../questions.ts";

export const MODEL = "echo";
export const WIDTH = 2;
export const ROW_BYTES = 4 * WIDTH;
const CLIENTS = 4;
const MOST_ROWS = 5;
/** A client that was refused does not spin, ms. */
const REFUSED_MS = 20;
const LIMIT_MS = 60_000;

/** What one tenant knows of its requests, over all gateways. */
export class Bill {
  readonly tenant: string;
  answered = 0;
  answeredRows = 0;
  /** By its quota. */
  refused = 0;
  /** Requests that a gateway took along when it died: counted or not, nobody knows. */
  unknown = 0;
  unknownRows = 0;
  /** Errors of another kind, and wrong answers. */
  readonly troubles: string[] = [];
  /** When each answer came, `performance.now()`, and its rows; of the gateway that runs now. */
  readonly answers: { readonly at: number; readonly rows: number }[] = [];

  constructor(tenant: string) {
    this.tenant = tenant;
  }
}

export class PayingClients {
  readonly #bills: readonly Bill[];
  readonly #headersOf: (tenant: string) => Readonly<Record<string, string>>;
  #turns = 0;

  constructor(
    tenants: readonly string[],
    headersOf: (tenant: string) => Readonly<Record<string, string>>,
  ) {
    this.#bills = tenants.map((tenant) => new Bill(tenant));
    this.#headersOf = headersOf;
  }

  get bills(): readonly Bill[] {
    return this.#bills;
  }

  /** Asks until it is stopped, or the gateway is gone. @returns how to stop; resolves when nothing is under way any more */
  start(port: number): () => Promise<void> {
    let stopped = false;
    const loops = this.#bills.flatMap((bill) => {
      bill.answers.length = 0;
      return Array.from({ length: CLIENTS }, () => this.#loop(bill, port, () => stopped));
    });
    return async () => {
      stopped = true;
      await Promise.all(loops);
    };
  }

  async #loop(bill: Bill, port: number, stopped: () => boolean): Promise<void> {
    const client = new InferClient(port);
    const headers = this.#headersOf(bill.tenant);
    while (!stopped()) {
      const seed = this.#turns++;
      const rows = 1 + (seed % MOST_ROWS);
      const { bytes, check } = identityQuestion(MODEL, rows, WIDTH, seed);
      try {
        const trouble = check(await client.infer(bytes, LIMIT_MS, headers));
        if (trouble !== undefined) bill.troubles.push(trouble);
        bill.answered += 1;
        bill.answeredRows += rows;
        bill.answers.push({ at: performance.now(), rows });
      } catch (thrown) {
        const { code, message } = thrown as { readonly code?: number; readonly message: string };
        if (code === status.UNAVAILABLE) {
          bill.unknown += 1;
          bill.unknownRows += rows;
          break;
        }
        if (code === status.RESOURCE_EXHAUSTED) bill.refused += 1;
        else bill.troubles.push(message);
        await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
      }
    }
    client.close();
  }
}

/**
 * What several tenants asked a gateway for all at once, and how far it is: read from its metrics, so that neither
 * this process' pace nor the machine's is in the figures, only whose rows were chosen.
 */
import { InferClient } from "./infer-client.ts";
import { encodeQuestion } from "./infer-messages.ts";
import { scrape, sum } from "./metrics.ts";

/** All that one tenant asks of one model. */
export interface Backlog {
  readonly tenant: string;
  readonly model: string;
  readonly requests: number;
  /** Of a request. */
  readonly rows: number;
  /** Name of the model's only input, FP32[2]. Default: that of an echo model. */
  readonly input?: string;
}

/** A moment of the gateway, in the order of the backlogs. */
interface Moment {
  readonly waiting: readonly number[];
  /** Rows answered. */
  readonly answered: readonly number[];
  /** Time of devices, s. */
  readonly seconds: readonly number[];
}

/** What each got while all of them waited, in the order of the backlogs. */
export interface Shares {
  readonly rows: readonly number[];
  readonly seconds: readonly number[];
  /** Calls that failed before this ended, of all backlogs. */
  readonly failed: number;
}

/** Calls in flight on one connection. */
const CALLS = 500;
const PATIENCE_MS = 60_000;

export class Backlogs {
  readonly #ports: { readonly grpcPort: number; readonly metricsPort: number };
  readonly #headersOf: (name: string) => Readonly<Record<string, string>>;
  readonly #clients: InferClient[] = [];

  constructor(
    ports: { readonly grpcPort: number; readonly metricsPort: number },
    headersOf: (name: string) => Readonly<Record<string, string>>,
  ) {
    this.#ports = ports;
    this.#headersOf = headersOf;
  }

  /**
   * Asks for everything, and looks on from when all of it has come until the first tenant has no more that waits.
   * @param runningRows that may be with devices, and so neither wait nor are answered
   */
  async shares(backlogs: readonly Backlog[], runningRows: number): Promise<Shares> {
    const before = await this.#look(backlogs);
    const answers = backlogs.flatMap((backlog) => this.#ask(backlog));
    let failed = 0;
    const hangUp = new AbortController();
    for (const answer of answers) {
      answer.catch(() => {
        if (!hangUp.signal.aborted) failed += 1;
      });
    }
    const over = Promise.allSettled(answers);
    const arrived = ({ waiting, answered }: Moment) =>
      backlogs.every(({ requests, rows }, at) => {
        const come = (waiting[at] ?? 0) + (answered[at] ?? 0) - (before.answered[at] ?? 0);
        return come >= requests * rows - runningRows;
      });
    let from: Moment | undefined;
    let to: Moment | undefined;
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; ) {
      const moment = await this.#look(backlogs);
      const allWait = moment.waiting.every((rows) => rows > 0);
      if (from !== undefined && !allWait) break;
      if (from === undefined && arrived(moment)) from = moment;
      to = moment;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    hangUp.abort();
    this.close();
    await over;
    if (from === undefined || to === undefined)
      throw new Error("the backlogs never waited together");
    const grown = (of: (moment: Moment) => readonly number[]) => {
      const [first, last] = [of(from), of(to)];
      return last.map((value, at) => value - (first[at] ?? 0));
    };
    return {
      rows: grown(({ answered }) => answered),
      seconds: grown(({ seconds }) => seconds),
      failed,
    };
  }

  /** Hangs up: what waits is given up. */
  close(): void {
    for (const client of this.#clients.splice(0)) {
      client.cancel();
      client.close();
    }
  }

  #ask({ tenant, model, requests, rows, input = "INPUT0" }: Backlog): Promise<unknown>[] {
    const data = new Uint8Array(rows * 8);
    const inputs = [{ name: input, datatype: "FP32", shape: [rows, 2], data }];
    const question = encodeQuestion({ model, inputs });
    const headers = this.#headersOf(tenant);
    let client: InferClient | undefined;
    return Array.from({ length: requests }, (_, at) => {
      if (client === undefined || at % CALLS === 0) {
        client = new InferClient(this.#ports.grpcPort);
        this.#clients.push(client);
      }
      return client.infer(question, PATIENCE_MS, headers);
    });
  }

  async #look(backlogs: readonly Backlog[]): Promise<Moment> {
    const samples = await scrape(this.#ports.metricsPort, this.#headersOf("operator"));
    const read = (name: string) =>
      backlogs.map(({ tenant, model }) => sum(samples, name, { tenant, model }) ?? 0);
    return {
      waiting: read("beamgate_tenant_waiting_rows"),
      answered: read("beamgate_usage_rows_total"),
      seconds: read("beamgate_usage_device_seconds_total"),
    };
  }
}

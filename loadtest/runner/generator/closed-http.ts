/** A closed loop over HTTP, driven by autocannon; counts as `Generator` does. */
import { type ClosedHttpOptions, closedHttpLoop } from "../../drivers/autocannon.ts";
import type { Ending, LoadSource } from "./generator.ts";
import { type Snapshot, Tally } from "./tally.ts";

export class ClosedHttpGenerator implements LoadSource {
  readonly exhausted = false;
  readonly #options: ClosedHttpOptions;
  readonly #rows: number;
  readonly #bytes: number;
  readonly #now: () => number;
  readonly #tally: Tally;
  #stop: (() => Promise<void>) | undefined;

  /** @param rows of a mean request. @param bytes of a mean request */
  constructor(options: ClosedHttpOptions, rows: number, bytes: number, now: () => number) {
    this.#options = options;
    this.#rows = rows;
    this.#bytes = bytes;
    this.#now = now;
    this.#tally = new Tally(now());
  }

  start(): void {
    this.snapshot();
    this.#stop = closedHttpLoop(this.#options, {
      answered: (latencyMs, bytes, error) => {
        const tally = this.#tally;
        // autocannon sends the next one when one is answered.
        tally.sent += 1;
        tally.bytesOut += this.#bytes;
        tally.bytesIn += bytes;
        if (error !== undefined) {
          tally.failed(error);
          return;
        }
        tally.answered += 1;
        tally.rows += this.#rows;
        tally.latency.record(latencyMs);
        tally.service.record(latencyMs);
        tally.lag.record(0);
      },
    });
  }

  snapshot(): Snapshot {
    return this.#tally.take(
      this.#now(),
      this.#stop === undefined ? 0 : this.#options.concurrency,
      0,
    );
  }

  /** Requests under way are given up: autocannon closes their connections. */
  async stop(): Promise<Ending> {
    await this.#stop?.();
    return { unanswered: 0, oldestMs: 0 };
  }
}

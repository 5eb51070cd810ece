/**
 * Counts when the event loop stood still, for good: quantiles of its delay begin anew with every scrape, so of two
 * scrapers one misses what the other was told. While it stands nothing is answered, health included, which is what a
 * prober sees; a tenth of a second after, the stall is counted and logged.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { ReadMetric } from "./exposition/families.ts";

/** How often it is looked at, ms. */
const PERIOD_MS = 100;
/** A timer that is later than this was held up: no garbage collection of a healthy process takes as long. */
const STALL_MS = 250;

export interface StallWatchParts {
  readonly clock: Pick<Clock, "now" | "after">;
  readonly log: Pick<Logger, "warn">;
}

export class StallWatch {
  readonly #parts: StallWatchParts;
  #stop: (() => void) | undefined;
  #stalls = 0;
  #stalledMs = 0;
  #longestMs = 0;

  constructor(parts: StallWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock } = this.#parts;
    const due = clock.now() + PERIOD_MS;
    this.#stop = clock.after(PERIOD_MS, () => {
      this.#late(clock.now() - due);
      this.start();
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #late(lateMs: number): void {
    if (lateMs < STALL_MS) return;
    this.#stalls += 1;
    this.#stalledMs += lateMs;
    this.#longestMs = Math.max(this.#longestMs, lateMs);
    this.#parts.log.warn("the event loop stood still: nobody was answered", {
      ms: Math.round(lateMs),
    });
  }

  metrics(): readonly ReadMetric[] {
    const metric = (
      name: string,
      help: string,
      type: ReadMetric["type"],
      value: () => number,
    ): ReadMetric => ({
      ...{ name: `beamgate_event_loop_${name}`, help, type, labels: [] },
      read: () => [{ labels: {}, value: value() }],
    });
    const long = `${STALL_MS} ms or longer`;
    return [
      metric(
        "stalls_total",
        `How often the gateway's event loop stood still for ${long}`,
        "counter",
        () => this.#stalls,
      ),
      metric(
        "stalled_seconds_total",
        `How long it stood still in all, stalls of ${long}, s`,
        "counter",
        () => this.#stalledMs / 1000,
      ),
      metric(
        "longest_stall_seconds",
        "The longest of them since the start, s",
        "gauge",
        () => this.#longestMs / 1000,
      ),
    ];
  }
}

/** Says in the log when spans begin to be lost, and why, and when they arrive again: once each, however many are. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";

/** That there were more than may wait is said no more often, ms. */
const AGAIN_MS = 60_000;

export interface LossesParts {
  readonly log: Pick<Logger, "info" | "warn">;
  readonly clock: Pick<Clock, "now">;
}

export class Losses {
  readonly #parts: LossesParts;
  #away = false;
  #messages = 0;
  #dropped = 0;
  #toldDroppedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: LossesParts) {
    this.#parts = parts;
  }

  /** A message has arrived. */
  arrived(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#parts.log.info("spans arrive at the collector again", { messagesLost: this.#messages });
  }

  /** A message did not arrive. */
  lost(cause: unknown): void {
    this.#messages += 1;
    if (this.#away) return;
    this.#away = true;
    this.#parts.log.warn("the collector does not take spans: they are lost until it does", {
      reason: cause instanceof Error ? cause.message : String(cause),
    });
  }

  /** @param all spans that found no room since the start */
  dropped(all: number): void {
    const { clock, log } = this.#parts;
    if (all === this.#dropped || clock.now() - this.#toldDroppedAt < AGAIN_MS) return;
    log.warn("spans were dropped, as more waited than bsp_max_queue_size allows", {
      dropped: all - this.#dropped,
    });
    this.#dropped = all;
    this.#toldDroppedAt = clock.now();
  }
}

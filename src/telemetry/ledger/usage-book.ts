/**
 * Carries what the ledger counted into its hours, every two seconds: so much is lost at most
 * when the process is killed. An hour has what was carried during it, so that the last two
 * seconds of one may stand in the next.
 */
import type { Clock } from "../../clock.ts";
import {
  type HourlyUsage,
  hourOf,
  summed,
  type UsageLine,
  type UsageSpan,
} from "../../inference/usage.ts";
import type { Service } from "../../lifecycle.ts";
import type { Logger } from "../../logger.ts";
import type { UsageHours } from "./hours.ts";
import type { Ledger } from "./ledger.ts";

export interface UsageBookParts {
  readonly ledger: Pick<Ledger, "take">;
  readonly hours: UsageHours;
  readonly keepDays: number;
  /** ms since 1970. */
  wallMs(): number;
  readonly clock: Clock;
  readonly log: Logger;
}

const CARRY_MS = 2_000;
const DAY_MS = 86_400_000;

export class UsageBook implements Service {
  readonly name = "usage";
  readonly #parts: UsageBookParts;
  /** Taken from the ledger, and not written yet: the disk was full. */
  #waiting: UsageLine[] = [];
  #hour = "";
  #carrying: Promise<void> = Promise.resolve();
  #stopTimer: (() => void) | undefined;
  #failing = false;
  /** Of the wall before the clock that only grows, ms. */
  readonly #aheadAtStartMs: number;
  #jumped = false;

  constructor(parts: UsageBookParts) {
    this.#parts = parts;
    this.#aheadAtStartMs = this.#wallAheadMs();
  }

  async start(): Promise<void> {
    await this.#prune();
    this.#later();
  }

  async stop(): Promise<void> {
    this.#stopTimer?.();
    await this.#carry();
  }

  /** Up to now. */
  async read(span: UsageSpan): Promise<HourlyUsage[]> {
    await this.#carry();
    return this.#parts.hours.read(span);
  }

  #later(): void {
    this.#stopTimer = this.#parts.clock.after(CARRY_MS, () => {
      void this.#carry().then(() => this.#later());
    });
  }

  /** One after the other. Never rejects. */
  #carry(): Promise<void> {
    this.#carrying = this.#carrying.then(() => this.#carryNow());
    return this.#carrying;
  }

  async #carryNow(): Promise<void> {
    const { ledger, hours, wallMs, log } = this.#parts;
    const hour = hourOf(wallMs());
    this.#waiting = summed([...this.#waiting, ...ledger.take()]);
    try {
      if (this.#waiting.length > 0) {
        await hours.add(hour, this.#waiting);
        this.#waiting = [];
      }
      if (this.#hour !== hour) {
        if (this.#hour !== "") await hours.close(this.#hour);
        this.#hour = hour;
        await this.#prune();
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.error("the ledger of usage cannot be written; it is kept", { error });
      this.#failing = true;
    }
  }

  #wallAheadMs(): number {
    return this.#parts.wallMs() - this.#parts.clock.now();
  }

  async #prune(): Promise<void> {
    const { hours, keepDays, wallMs, log } = this.#parts;
    if (Math.abs(this.#wallAheadMs() - this.#aheadAtStartMs) > DAY_MS) {
      if (!this.#jumped)
        log.warn("the clock was set by more than a day: no usage is forgotten until a restart");
      this.#jumped = true;
    }
    if (this.#jumped) return;
    await hours.prune(hourOf(wallMs() - keepDays * DAY_MS));
  }
}

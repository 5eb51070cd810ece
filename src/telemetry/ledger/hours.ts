/** Where the ledger's lines go, by hour. */
import {
  type HourlyUsage,
  summed,
  touches,
  type UsageLine,
  type UsageSpan,
} from "../../inference/usage.ts";

export interface UsageHours {
  /** Adds to an hour; all of the lines or, where it rejects, none. */
  add(hour: string, lines: readonly UsageLine[]): Promise<void>;
  /** By hour, and within it one line a key. */
  read(span: UsageSpan): Promise<HourlyUsage[]>;
  /** Forgets the hours before this one. */
  prune(hour: string): Promise<void>;
  /** An hour is over: nothing more comes for it from here. */
  close(hour: string): Promise<void>;
}

/** In memory: gone with the process. */
export class MemoryHours implements UsageHours {
  readonly #hours = new Map<string, UsageLine[]>();

  async add(hour: string, lines: readonly UsageLine[]): Promise<void> {
    this.#hours.set(hour, summed([...(this.#hours.get(hour) ?? []), ...lines]));
  }

  async read(span: UsageSpan): Promise<HourlyUsage[]> {
    return [...this.#hours]
      .filter(([hour]) => touches(span, hour))
      .flatMap(([hour, lines]) => lines.map((line) => ({ hour, ...line })));
  }

  async prune(before: string): Promise<void> {
    for (const hour of this.#hours.keys()) if (hour < before) this.#hours.delete(hour);
  }

  async close(): Promise<void> {}
}

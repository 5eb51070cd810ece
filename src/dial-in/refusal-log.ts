/** Who did not join, and why: whoever knocks at an open port decides how often, so each reason is one line in a while. */
import type { Logger } from "../logger.ts";

const QUIET_MS = 10_000;

export class RefusalLog {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #told = new Map<string, { readonly at: number; untold: number }>();

  /** @param now ms, of any clock that only grows */
  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  tell(peer: string, reason: string): void {
    const before = this.#told.get(reason);
    const now = this.#now();
    if (before !== undefined && now - before.at < QUIET_MS) {
      before.untold += 1;
      return;
    }
    const more = before?.untold ? `, and ${before.untold} more since it was told last` : "";
    this.#told.set(reason, { at: now, untold: 0 });
    this.#log.warn(`${peer} did not join: ${reason}${more}`);
  }
}

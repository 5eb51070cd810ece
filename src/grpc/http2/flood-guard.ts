/** How often a client may do what costs it little and us more; beyond, it loses its connection. */
import { ConnectionError, ErrorCode } from "./protocol.ts";

/** At once, and then per second. */
const ALLOWANCES = {
  /**
   * Open streams that were reset, by the client or for its mistakes. Clients with
   * deadlines of a millisecond reset many in good faith.
   */
  resets: [10_000, 1_000],
  settings: [100, 10],
  pings: [1_000, 100],
  "empty DATA frames": [1_000, 100],
  /** PRIORITY, unknown ones, and those for streams that are gone. */
  "useless frames": [10_000, 1_000],
} as const;

export type Flood = keyof typeof ALLOWANCES;

interface Bucket {
  left: number;
  filledAt: number;
}

export class FloodGuard {
  readonly #now: () => number;
  readonly #buckets = new Map<Flood, Bucket>();

  /** @param now ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws ConnectionError where there was too much of it. */
  count(what: Flood): void {
    const [burst, perSecond] = ALLOWANCES[what];
    let bucket = this.#buckets.get(what);
    if (!bucket) {
      bucket = { left: burst, filledAt: this.#now() };
      this.#buckets.set(what, bucket);
    }
    if (bucket.left < 1) {
      const now = this.#now();
      bucket.left += ((now - bucket.filledAt) / 1000) * perSecond;
      bucket.left = Math.min(burst, bucket.left);
      bucket.filledAt = now;
    }
    if (bucket.left < 1) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `too many ${what}`);
    }
    bucket.left--;
  }
}

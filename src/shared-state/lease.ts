/**
 * A lease: one holder at a time, as far as Redis knows. The holder looks at its own monotonic clock before it acts,
 * and shows its counter to whatever it acts on, which refuses older ones (`policy/fencing`).
 */
import type { Ticket } from "../policy/fencing/fence.ts";
import type { Link } from "./link.ts";

export interface LeaseParts {
  readonly link: Pick<Link, "script" | "key">;
  readonly name: string;
  /** Another one for every process. */
  readonly owner: string;
  readonly ttlMs: number;
  /** Monotonic ms. */
  now(): number;
}

/** Of the time to live; what is left to act after a look at the clock. */
const MARGIN = 0.25;

export class Lease {
  readonly #parts: LeaseParts;
  #counter = 0;
  #heldUntil = 0;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /**
   * Takes it, or keeps it.
   * @param known the newest counter that the guarded side has seen: a Redis that was emptied goes on from there
   * @returns whether it is held
   * @throws Error where Redis does not answer; what is held is held until its time is over
   */
  async take(known = 0): Promise<boolean> {
    const { link, name, owner, ttlMs, now } = this.#parts;
    // From before the command: Redis may have started the time at any moment after.
    const began = now();
    const least = Math.max(known, this.#counter);
    const told = await link.script("takeLease", link.key(`lease:${name}`), owner, ttlMs, least);
    const counter = Array.isArray(told) ? Number(told[0]) : 0;
    this.#heldUntil = counter > 0 ? began + ttlMs * (1 - MARGIN) : 0;
    if (counter > 0) this.#counter = counter;
    return counter > 0;
  }

  /** What to show to the guarded side, now; undefined: it is not held, or not for long enough. */
  get ticket(): Ticket | undefined {
    const { owner, now } = this.#parts;
    return now() < this.#heldUntil ? { counter: this.#counter, owner } : undefined;
  }

  /** Gives it back before its time. Never rejects. */
  async release(): Promise<void> {
    if (this.#heldUntil === 0) return;
    this.#heldUntil = 0;
    const { link, name, owner } = this.#parts;
    await link
      .script("releaseLease", link.key(`lease:${name}`), owner, this.#counter)
      .catch(() => undefined);
  }
}

/** So much a second, with a burst of one second: what is used above the rate must be waited for. */
export class TokenBucket {
  #perSecond: number;
  /** May be negative: a request of more than a second's worth is taken from a full bucket. */
  #level: number;
  #at: number;

  /** @param perSecond > 0. @param now monotonic ms; the bucket is full then */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#level = perSecond;
    this.#at = now;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Another part of the same limit: what was used stays used. */
  setRate(perSecond: number, now: number): void {
    this.#refill(now);
    this.#level += perSecond - this.#perSecond;
    this.#perSecond = perSecond;
  }

  /** Another limit: likewise, but what was used at a higher rate need not be waited for at the lower one. */
  setLimit(perSecond: number, now: number): void {
    if (perSecond === this.#perSecond) return;
    this.setRate(perSecond, now);
    this.#level = Math.max(0, this.#level);
  }

  /** ms until so much may be taken; 0: now. */
  waitMs(amount: number, now: number): number {
    this.#refill(now);
    const lacking = Math.min(amount, this.#perSecond) - this.#level;
    return lacking <= 0 ? 0 : Math.ceil((lacking / this.#perSecond) * 1000);
  }

  take(amount: number, now: number): void {
    this.#refill(now);
    this.#level -= amount;
  }

  giveBack(amount: number): void {
    this.#level = Math.min(this.#perSecond, this.#level + amount);
  }

  /** What was taken and is not refilled yet. */
  used(now: number): number {
    this.#refill(now);
    return this.#perSecond - this.#level;
  }

  #refill(now: number): void {
    if (now <= this.#at) return;
    const more = ((now - this.#at) / 1000) * this.#perSecond;
    this.#level = Math.min(this.#perSecond, this.#level + more);
    this.#at = now;
  }
}
